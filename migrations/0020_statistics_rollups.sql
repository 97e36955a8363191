CREATE TABLE "statistics_days" (
	"workspace_id" uuid NOT NULL,
	"day" date NOT NULL,
	"time_zone" text NOT NULL,
	"starts_at" timestamp(3) with time zone NOT NULL,
	"ends_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "statistics_days_workspace_id_day_pk" PRIMARY KEY("workspace_id","day")
);
--> statement-breakpoint
CREATE TABLE "statistics_horizon" (
	"id" integer PRIMARY KEY NOT NULL,
	"passed_at" timestamp(3) with time zone,
	"next_at" timestamp(3) with time zone NOT NULL,
	"next_xact" bigint NOT NULL,
	"epoch" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "statistics_rollups" (
	"workspace_id" uuid NOT NULL,
	"split" text NOT NULL,
	"day" date NOT NULL,
	"channel" text,
	"queue_id" uuid,
	"messages_in" integer NOT NULL,
	"messages_out" integer NOT NULL,
	"conversations_opened" integer NOT NULL,
	"unique_customers" integer NOT NULL,
	"median_first_response" bigint,
	"p90_first_response" bigint,
	"median_resolution" bigint,
	"p90_resolution" bigint,
	"change" integer
);
--> statement-breakpoint
CREATE TABLE "statistics_stale" (
	"workspace_id" uuid NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"xact" bigint NOT NULL,
	CONSTRAINT "statistics_stale_workspace_id_at_xact_pk" PRIMARY KEY("workspace_id","at","xact")
);
--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "history_ended_at" timestamp(3) with time zone;--> statement-breakpoint
CREATE INDEX "statistics_rollups_by_day" ON "statistics_rollups" USING btree ("workspace_id","split","day");--> statement-breakpoint
CREATE INDEX "conversations_by_first_response" ON "conversations" USING btree ("workspace_id","first_response_at") WHERE first_response_at is not null;--> statement-breakpoint
CREATE INDEX "conversations_by_history_end" ON "conversations" USING btree ("workspace_id","history_ended_at") WHERE history_ended_at is not null;--> statement-breakpoint
CREATE INDEX "timeline_entries_status_changes" ON "timeline_entries" USING btree ("workspace_id","occurred_at") WHERE kind = 'STATUS_CHANGE';
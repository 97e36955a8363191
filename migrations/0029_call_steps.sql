CREATE TABLE "call_steps" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"call_id" uuid NOT NULL,
	"event_key" text NOT NULL,
	"kind" text NOT NULL,
	"party" text,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "call_steps_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "call_steps_kind" CHECK ("call_steps"."kind" in ('HELD', 'RESUMED', 'QUEUED', 'DEQUEUED', 'TRANSFERRED'))
);
--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "reported_hold_ms" bigint;--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "queue_ms" bigint;--> statement-breakpoint
ALTER TABLE "call_steps" ADD CONSTRAINT "call_steps_call" FOREIGN KEY ("workspace_id","call_id") REFERENCES "public"."calls"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "call_steps_by_event" ON "call_steps" USING btree ("workspace_id","call_id","event_key");--> statement-breakpoint
select secure_table('public.call_steps', 'select, insert');

CREATE TABLE "event_sources" (
	"workspace_id" uuid NOT NULL,
	"hash" "bytea" NOT NULL,
	"credential_kind" text NOT NULL,
	"credential_id" uuid NOT NULL,
	"identity_id" uuid,
	"address_hash" "bytea" NOT NULL,
	"salt" "bytea",
	"address" text,
	"created_at" timestamp(3) with time zone NOT NULL,
	"erased_at" timestamp(3) with time zone,
	CONSTRAINT "event_sources_workspace_id_hash_pk" PRIMARY KEY("workspace_id","hash"),
	CONSTRAINT "event_sources_credential" CHECK ("event_sources"."credential_kind" in ('API_KEY', 'MEMBER_TOKEN', 'VISITOR_TOKEN', 'PUBLISHABLE_KEY'))
);
--> statement-breakpoint
ALTER TABLE "event_outbox" ADD COLUMN "source" "bytea";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "source" "bytea";--> statement-breakpoint
CREATE INDEX "event_sources_by_identity" ON "event_sources" USING btree ("workspace_id","identity_id");
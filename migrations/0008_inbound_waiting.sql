ALTER TABLE "inbound_events" DROP CONSTRAINT "inbound_events_state";--> statement-breakpoint
ALTER TABLE "inbound_events" ADD COLUMN "waits_for" text;--> statement-breakpoint
CREATE INDEX "inbound_events_waiting" ON "inbound_events" USING btree ("workspace_id","waits_for") WHERE state = 'WAITING';--> statement-breakpoint
ALTER TABLE "inbound_events" ADD CONSTRAINT "inbound_events_state" CHECK ("inbound_events"."state" in ('PENDING', 'WAITING', 'APPLIED', 'DUPLICATE', 'IGNORED', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD'));
ALTER TABLE "calls" ADD COLUMN "sender_trust" text;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_sender_trust" CHECK ("calls"."sender_trust" in ('CLAIMED', 'ATTESTED', 'VERIFIED'));--> statement-breakpoint
-- Nobody kept how far these were attested.
UPDATE "calls" SET "sender_trust" = 'CLAIMED' WHERE "direction" = 'INBOUND';

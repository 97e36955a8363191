ALTER TABLE "channel_accounts" ADD COLUMN "send_slot_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD COLUMN "send_paused_until" timestamp(3) with time zone;
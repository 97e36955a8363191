ALTER TABLE "channel_accounts" ADD COLUMN "notice_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD COLUMN "notice" text;--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD COLUMN "notice_details" jsonb;
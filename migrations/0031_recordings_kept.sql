ALTER TABLE "calls" ADD COLUMN "chosen_disposition" text;--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "wrap_up_code" text;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "media_state" text;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "sha256" text;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "size" bigint;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "mime" text;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_chosen_disposition" CHECK ("calls"."chosen_disposition" in ('ANSWERED', 'MISSED', 'ABANDONED', 'VOICEMAIL', 'BUSY', 'NO_ANSWER', 'REJECTED', 'FAILED', 'CANCELED'));--> statement-breakpoint
ALTER TABLE "recordings" ADD CONSTRAINT "recordings_media_state" CHECK ("recordings"."media_state" in ('STORED', 'LINKED', 'PENDING', 'EXPIRED', 'FORBIDDEN', 'TOO_LARGE', 'FAILED'));
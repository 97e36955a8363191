ALTER TABLE "calls" ALTER COLUMN "ring_ms" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "calls" ALTER COLUMN "talk_ms" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "calls" ALTER COLUMN "hold_ms" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "recordings" ALTER COLUMN "duration_ms" SET DATA TYPE bigint;
CREATE TABLE "watermarks" (
	"workspace_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"state" text NOT NULL,
	"reached_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "watermarks_pk" PRIMARY KEY("workspace_id","account_id","identity_id","state"),
	CONSTRAINT "watermarks_state" CHECK ("watermarks"."state" in ('RECEIVED', 'QUEUED', 'ACCEPTED', 'SENDING', 'SENT', 'DELIVERED', 'READ', 'PLAYED', 'FAILED', 'UNCONFIRMED'))
);
--> statement-breakpoint
ALTER TABLE "watermarks" ADD CONSTRAINT "watermarks_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "watermarks" ADD CONSTRAINT "watermarks_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
select secure_table('public.watermarks', 'select, insert, update');

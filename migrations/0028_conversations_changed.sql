CREATE TABLE "conversation_change_items" (
	"workspace_id" uuid NOT NULL,
	"change_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"ref_id" uuid NOT NULL,
	"before" text,
	CONSTRAINT "conversation_change_items_workspace_id_change_id_kind_ref_id_pk" PRIMARY KEY("workspace_id","change_id","kind","ref_id"),
	CONSTRAINT "conversation_change_items_kind" CHECK ("conversation_change_items"."kind" in ('MESSAGE', 'CALL', 'NOTE', 'PARTICIPANT'))
);
--> statement-breakpoint
CREATE TABLE "conversation_changes" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"from_conversation_id" uuid NOT NULL,
	"to_conversation_id" uuid NOT NULL,
	"from_status" text NOT NULL,
	"message_count" integer NOT NULL,
	"call_count" integer NOT NULL,
	"note_count" integer NOT NULL,
	"undoes_change_id" uuid,
	"undone_by_change_id" uuid,
	"changed_at" timestamp(3) with time zone NOT NULL,
	"changed_by_kind" text NOT NULL,
	"changed_by_id" uuid,
	CONSTRAINT "conversation_changes_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "conversation_changes_kind" CHECK ("conversation_changes"."kind" in ('SPLIT', 'MERGE', 'MOVE', 'UNDO')),
	CONSTRAINT "conversation_changes_status" CHECK ("conversation_changes"."from_status" in ('OPEN', 'PENDING', 'SNOOZED', 'CLOSED')),
	CONSTRAINT "conversation_changes_actor" CHECK ("conversation_changes"."changed_by_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "referrals" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"account_id" uuid,
	"channel" text NOT NULL,
	"message_id" uuid,
	"source" text NOT NULL,
	"ref" text,
	"provider_id" text,
	"url" text,
	"headline" text,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "referrals_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "referrals_channel" CHECK ("referrals"."channel" in ('LIVE_CHAT', 'EMAIL', 'VOICE', 'SMS', 'WHATSAPP', 'MESSENGER', 'INSTAGRAM', 'X', 'IN_APP'))
);
--> statement-breakpoint
ALTER TABLE "timeline_entries" DROP CONSTRAINT "timeline_entries_kind";--> statement-breakpoint
ALTER TABLE "messages" DROP CONSTRAINT "messages_join_reason";--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "group_id" text;--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "merged_into_id" uuid;--> statement-breakpoint
ALTER TABLE "identities" ADD COLUMN "replaced_by_id" uuid;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "group_id" text;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "other_identity_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "segments" integer;--> statement-breakpoint
ALTER TABLE "conversation_change_items" ADD CONSTRAINT "conversation_change_items_change" FOREIGN KEY ("workspace_id","change_id") REFERENCES "public"."conversation_changes"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_changes" ADD CONSTRAINT "conversation_changes_from" FOREIGN KEY ("workspace_id","from_conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_changes" ADD CONSTRAINT "conversation_changes_to" FOREIGN KEY ("workspace_id","to_conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_changes" ADD CONSTRAINT "conversation_changes_undoes" FOREIGN KEY ("workspace_id","undoes_change_id") REFERENCES "public"."conversation_changes"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_changes" ADD CONSTRAINT "conversation_changes_undone_by" FOREIGN KEY ("workspace_id","undone_by_change_id") REFERENCES "public"."conversation_changes"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_message" FOREIGN KEY ("workspace_id","message_id") REFERENCES "public"."messages"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversation_changes_by_from" ON "conversation_changes" USING btree ("workspace_id","from_conversation_id","changed_at","id");--> statement-breakpoint
CREATE INDEX "conversation_changes_by_to" ON "conversation_changes" USING btree ("workspace_id","to_conversation_id","changed_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "referrals_of_message" ON "referrals" USING btree ("workspace_id","message_id") WHERE message_id is not null;--> statement-breakpoint
CREATE INDEX "referrals_by_identity" ON "referrals" USING btree ("workspace_id","identity_id","occurred_at","id");--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_merged_into" FOREIGN KEY ("workspace_id","merged_into_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_replaced_by" FOREIGN KEY ("workspace_id","replaced_by_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "blobs_held_by_nothing" ON "blobs" USING btree ("created_at") WHERE refs = 0;--> statement-breakpoint
ALTER TABLE "timeline_entries" ADD CONSTRAINT "timeline_entries_kind" CHECK ("timeline_entries"."kind" in ('MESSAGE', 'CALL', 'NOTE', 'CONVERSATION_OPENED', 'STATUS_CHANGE', 'ASSIGNMENT', 'RECORD_CHANGE', 'IDENTITY_CHANGE', 'CLAIM', 'MOVED_OUT', 'MOVED_IN', 'REFERRAL'));--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_join_reason" CHECK ("messages"."join_reason" in ('ANSWERS_MESSAGE', 'REPLY_TOKEN', 'OPEN_MATTER', 'OPEN_MATTER_OTHER_CHANNEL', 'SAME_LANE', 'REOPENED_BY_REPLY', 'NEW_CONVERSATION', 'NEW_AFTER_CLOSED', 'SENT_BY_AGENT', 'EXPLICIT', 'MOVED'));
--> statement-breakpoint
select secure_table('public.conversation_changes', 'select, insert, update');
--> statement-breakpoint
select secure_table('public.conversation_change_items', 'select, insert');
--> statement-breakpoint
select secure_table('public.referrals', 'select, insert');
--> statement-breakpoint
-- Who took part only by what went elsewhere takes part no longer.
grant delete on conversation_participants to throughline_app;
--> statement-breakpoint
-- Which workspaces have files that nothing holds, for who removes them.
create policy system on blobs to throughline_system using (refs = 0);
--> statement-breakpoint
grant select on blobs to throughline_system;
--> statement-breakpoint
-- Whether he wrote in a group is known of each channel, too. Otherwise as it was: what is known of every connected channel by which a customer could be written to: an array, by the channels' names.
-- The account is the chosen one, else the one that he wrote to in the conversation, else the channel's default; the address the chosen one, else the one
-- that he wrote from, else the proven one, else the one seen last. Ids of a Page, a chat or an app reach a person only by the account that they belong to.
create or replace function reply_facts(workspace uuid, customer uuid, conversation uuid, chosen_account uuid, chosen_identity uuid) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'channel', ch.channel, 'accountId', a.id, 'provider', a.provider, 'accountName', a.name, 'accountState', a.state, 'faultAt', a.fault_at, 'fault', a.fault,
    'identityId', i.id, 'address', i.value, 'trust', i.trust, 'claimed', claim.value, 'lastInboundAt', heard.occurred_at, 'wroteHereAt', here.occurred_at,
    'consent', consent.value, 'consentAt', consent.observed_at, 'groupId', here.group_id
  ) order by ch.channel), '[]')
  from (select distinct channel from channel_accounts where workspace_id = workspace and state <> 'DISCONNECTED' and channel <> 'VOICE') ch
  left join lateral (
    select m.account_id, m.identity_id, m.occurred_at, m.group_id from messages m
    join identities w on w.workspace_id = m.workspace_id and w.id = m.identity_id and w.customer_id = customer
    where m.workspace_id = workspace and m.conversation_id = conversation and m.direction = 'INBOUND' and m.channel = ch.channel
    order by m.occurred_at desc, m.tie desc, m.id desc limit 1
  ) here on true
  left join lateral (
    select x.id, x.provider, x.name, x.state, x.address, x.fault_at, x.fault from channel_accounts x
    where x.workspace_id = workspace and x.channel = ch.channel and x.state <> 'DISCONNECTED'
    order by x.id = chosen_account desc nulls last, x.id = here.account_id desc nulls last, x.state = 'ACTIVE' desc, x.is_default desc, x.created_at, x.id limit 1
  ) a on true
  left join lateral (
    select y.id, y.value, y.trust from identities y
    where y.workspace_id = workspace and y.customer_id = customer and y.kind = any(reply_address_kinds(ch.channel)) and y.valid_to is null
      and (y.kind not in ('PSID', 'IGSID', 'VISITOR') or y.namespace = a.address)
    order by y.id = chosen_identity desc nulls last, y.id = here.identity_id desc nulls last, y.trust = 'VERIFIED' desc, y.last_seen_at desc, y.id limit 1
  ) i on true
  left join lateral (
    select q.value from claims q join identities w on w.workspace_id = q.workspace_id and w.id = q.claimant_identity_id and w.customer_id = customer
    where i.id is null and q.workspace_id = workspace and q.state = 'PENDING' and q.kind = any(reply_address_kinds(ch.channel)) order by q.created_at desc, q.id desc limit 1
  ) claim on true
  left join lateral (
    select m.occurred_at from messages m
    where m.workspace_id = workspace and m.identity_id = i.id and m.account_id = a.id and m.channel = ch.channel and m.direction = 'INBOUND'
    order by m.occurred_at desc limit 1
  ) heard on true
  left join lateral (
    select o.value #>> '{}' as value, o.observed_at from attribute_observations o
    where o.workspace_id = workspace and o.identity_id = i.id and o.key = 'custom.' || lower(ch.channel) || '_messages_consent'
    order by o.observed_at desc, o.id desc limit 1
  ) consent on true
$$;

CREATE TABLE "reactions" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"identity_id" uuid,
	"emoji" text NOT NULL,
	"reacted_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "reactions_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "reactions_once" UNIQUE NULLS NOT DISTINCT("workspace_id","message_id","identity_id")
);
--> statement-breakpoint
ALTER TABLE "message_parts" DROP CONSTRAINT "message_parts_kind";--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD COLUMN "fault_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD COLUMN "fault" text;--> statement-breakpoint
ALTER TABLE "reactions" ADD CONSTRAINT "reactions_message" FOREIGN KEY ("workspace_id","message_id") REFERENCES "public"."messages"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reactions" ADD CONSTRAINT "reactions_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message_parts" ADD CONSTRAINT "message_parts_kind" CHECK ("message_parts"."kind" in ('TEXT', 'MEDIA', 'LOCATION', 'CONTACTS', 'STICKER', 'REACTION', 'CHOICE', 'FORM', 'ORDER', 'LINK', 'TEMPLATE', 'CALL_REF', 'ENCRYPTED', 'UNSUPPORTED'));
--> statement-breakpoint
select secure_table('public.reactions', 'select, insert, update');
--> statement-breakpoint
-- By what a customer can be answered: the facts of every connected channel, for a conversation. What follows from them (messages/reply-options.ts) is
-- computed from these by the graph and by `sendMessage` alike, so that both say the same.
create function reply_address_kinds(channel text) returns text[]
language sql immutable parallel safe as $$
  select case channel
    when 'EMAIL' then array['EMAIL'] when 'SMS' then array['PHONE'] when 'WHATSAPP' then array['PHONE', 'WA_BSUID'] when 'MESSENGER' then array['PSID']
    when 'INSTAGRAM' then array['IGSID'] when 'X' then array['X_USER_ID'] when 'LIVE_CHAT' then array['VISITOR'] when 'IN_APP' then array['VISITOR']
    else array[]::text[] end
$$;
--> statement-breakpoint
-- What is known of every connected channel by which a customer could be written to: an array, by the channels' names.
-- The account is the chosen one, else the one that he wrote to in the conversation, else the channel's default; the address the chosen one, else the one
-- that he wrote from, else the proven one, else the one seen last. Ids of a Page, a chat or an app reach a person only by the account that they belong to.
create function reply_facts(workspace uuid, customer uuid, conversation uuid, chosen_account uuid, chosen_identity uuid) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'channel', ch.channel, 'accountId', a.id, 'provider', a.provider, 'accountName', a.name, 'accountState', a.state, 'faultAt', a.fault_at, 'fault', a.fault,
    'identityId', i.id, 'address', i.value, 'trust', i.trust, 'claimed', claim.value, 'lastInboundAt', heard.occurred_at, 'wroteHereAt', here.occurred_at,
    'consent', consent.value, 'consentAt', consent.observed_at
  ) order by ch.channel), '[]')
  from (select distinct channel from channel_accounts where workspace_id = workspace and state <> 'DISCONNECTED' and channel <> 'VOICE') ch
  left join lateral (
    select m.account_id, m.identity_id, m.occurred_at from messages m
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
--> statement-breakpoint
revoke all on function reply_facts(uuid, uuid, uuid, uuid, uuid) from public;
--> statement-breakpoint
grant execute on function reply_facts(uuid, uuid, uuid, uuid, uuid) to throughline_app;
--> statement-breakpoint
-- A row a channel; `facts` are those of all channels, since what is recommended depends on the others.
create view reply_routes with (security_invoker = true) as
  select c.workspace_id, md5(c.id::text || (fact ->> 'channel'))::uuid as id, c.id as conversation_id, fact ->> 'channel' as channel, (fact ->> 'accountId')::uuid as account_id,
    (fact ->> 'identityId')::uuid as identity_id, f.facts
  from conversations c
  join identities opener on opener.workspace_id = c.workspace_id and opener.id = c.identity_id
  cross join lateral (select reply_facts(c.workspace_id, opener.customer_id, c.id, null, null) as facts offset 0) f
  cross join lateral jsonb_array_elements(f.facts) fact;
--> statement-breakpoint
grant select on reply_routes to throughline_app;

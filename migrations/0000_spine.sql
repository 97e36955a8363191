CREATE TABLE "call_legs" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"call_id" uuid NOT NULL,
	"provider_leg_id" text NOT NULL,
	"parent_provider_leg_id" text,
	"party" text,
	"started_at" timestamp(3) with time zone NOT NULL,
	"answered_at" timestamp(3) with time zone,
	"ended_at" timestamp(3) with time zone,
	"end_cause" text,
	CONSTRAINT "call_legs_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "calls" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"provider_call_id" text NOT NULL,
	"direction" text NOT NULL,
	"from_value" text,
	"to_value" text,
	"state" text NOT NULL,
	"disposition" text,
	"started_at" timestamp(3) with time zone NOT NULL,
	"ringing_at" timestamp(3) with time zone,
	"answered_at" timestamp(3) with time zone,
	"ended_at" timestamp(3) with time zone,
	"ring_ms" integer,
	"talk_ms" integer,
	"hold_ms" integer,
	"end_cause" text,
	"member_id" uuid,
	"last_sequence" integer DEFAULT -1 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "calls_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "calls_direction" CHECK ("calls"."direction" in ('INBOUND', 'OUTBOUND')),
	CONSTRAINT "calls_state" CHECK ("calls"."state" in ('RINGING', 'IN_PROGRESS', 'ENDED')),
	CONSTRAINT "calls_disposition" CHECK ("calls"."disposition" in ('ANSWERED', 'MISSED', 'ABANDONED', 'VOICEMAIL', 'BUSY', 'NO_ANSWER', 'REJECTED', 'FAILED', 'CANCELED'))
);
--> statement-breakpoint
CREATE TABLE "recordings" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"call_id" uuid NOT NULL,
	"provider_recording_id" text NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"duration_ms" integer,
	"channels" integer,
	"url" text,
	"started_at" timestamp(3) with time zone,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "recordings_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "recordings_kind" CHECK ("recordings"."kind" in ('CALL', 'VOICEMAIL')),
	CONSTRAINT "recordings_state" CHECK ("recordings"."state" in ('IN_PROGRESS', 'COMPLETED', 'ABSENT', 'FAILED'))
);
--> statement-breakpoint
CREATE TABLE "transcripts" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"call_id" uuid NOT NULL,
	"provider_transcript_id" text NOT NULL,
	"provider_recording_id" text,
	"state" text NOT NULL,
	"text" text,
	"data" jsonb,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "transcripts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "transcripts_state" CHECK ("transcripts"."state" in ('COMPLETED', 'FAILED'))
);
--> statement-breakpoint
CREATE TABLE "channel_accounts" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"channel" text NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"address" text NOT NULL,
	"settings" jsonb NOT NULL,
	"state" text DEFAULT 'ACTIVE' NOT NULL,
	"is_default" boolean DEFAULT false NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"disconnected_at" timestamp(3) with time zone,
	CONSTRAINT "channel_accounts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "channel_accounts_channel" CHECK ("channel_accounts"."channel" in ('LIVE_CHAT', 'EMAIL', 'VOICE', 'SMS', 'WHATSAPP', 'MESSENGER', 'INSTAGRAM', 'X', 'IN_APP')),
	CONSTRAINT "channel_accounts_state" CHECK ("channel_accounts"."state" in ('ACTIVE', 'DISABLED', 'DISCONNECTED'))
);
--> statement-breakpoint
CREATE TABLE "channel_endpoints" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"provider" text NOT NULL,
	"secrets" "bytea" NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"rotated_at" timestamp(3) with time zone,
	"disabled_at" timestamp(3) with time zone,
	CONSTRAINT "channel_endpoints_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "conversation_participants" (
	"workspace_id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"joined_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "conversation_participants_workspace_id_conversation_id_identity_id_pk" PRIMARY KEY("workspace_id","conversation_id","identity_id")
);
--> statement-breakpoint
CREATE TABLE "conversation_reads" (
	"workspace_id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"member_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"read_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "conversation_reads_workspace_id_conversation_id_member_id_pk" PRIMARY KEY("workspace_id","conversation_id","member_id")
);
--> statement-breakpoint
CREATE TABLE "conversations" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"subject" text,
	"status" text DEFAULT 'OPEN' NOT NULL,
	"status_changed_at" timestamp(3) with time zone NOT NULL,
	"status_changed_by_kind" text NOT NULL,
	"status_changed_by_id" uuid,
	"snoozed_until" timestamp(3) with time zone,
	"closed_at" timestamp(3) with time zone,
	"channels" text[] DEFAULT '{}' NOT NULL,
	"last_inbound_channel" text,
	"assignee_id" uuid,
	"team_id" uuid,
	"queue_id" uuid,
	"priority" text DEFAULT 'NORMAL' NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"language" text,
	"waiting_since" timestamp(3) with time zone,
	"waiting_order" timestamp(3) with time zone NOT NULL,
	"last_message_id" uuid,
	"last_message_at" timestamp(3) with time zone,
	"last_activity_at" timestamp(3) with time zone NOT NULL,
	"message_count" integer DEFAULT 0 NOT NULL,
	"first_inbound_at" timestamp(3) with time zone,
	"first_response_at" timestamp(3) with time zone,
	"reopen_count" integer DEFAULT 0 NOT NULL,
	"related_conversation_id" uuid,
	"seq" bigint DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "conversations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "conversations_status" CHECK ("conversations"."status" in ('OPEN', 'PENDING', 'SNOOZED', 'CLOSED')),
	CONSTRAINT "conversations_priority" CHECK ("conversations"."priority" in ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
	CONSTRAINT "conversations_actor" CHECK ("conversations"."status_changed_by_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "threads" (
	"workspace_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"conversation_id" uuid NOT NULL,
	"message_id" uuid,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "threads_workspace_id_account_id_key_pk" PRIMARY KEY("workspace_id","account_id","key"),
	CONSTRAINT "threads_kind" CHECK ("threads"."kind" in ('MESSAGE', 'STANDING'))
);
--> statement-breakpoint
CREATE TABLE "external_record_versions" (
	"workspace_id" uuid NOT NULL,
	"external_record_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"written_by_kind" text NOT NULL,
	"written_by_id" uuid,
	"written_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "external_record_versions_workspace_id_external_record_id_version_pk" PRIMARY KEY("workspace_id","external_record_id","version")
);
--> statement-breakpoint
CREATE TABLE "external_records" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"identity_id" uuid,
	"system" text NOT NULL,
	"type" text NOT NULL,
	"external_id" text NOT NULL,
	"number" text,
	"title" text,
	"url" text,
	"status" text,
	"fields" jsonb DEFAULT '{}' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "external_records_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "note_links" (
	"workspace_id" uuid NOT NULL,
	"note_id" uuid NOT NULL,
	"external_record_id" uuid NOT NULL,
	"linked_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "note_links_workspace_id_note_id_external_record_id_pk" PRIMARY KEY("workspace_id","note_id","external_record_id")
);
--> statement-breakpoint
CREATE TABLE "note_versions" (
	"workspace_id" uuid NOT NULL,
	"note_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"body" text NOT NULL,
	"written_by_kind" text NOT NULL,
	"written_by_id" uuid,
	"written_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "note_versions_workspace_id_note_id_version_pk" PRIMARY KEY("workspace_id","note_id","version")
);
--> statement-breakpoint
CREATE TABLE "notes" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"conversation_id" uuid,
	"author_kind" text NOT NULL,
	"author_id" uuid,
	"body" text NOT NULL,
	"pinned_at" timestamp(3) with time zone,
	"pinned_by_kind" text,
	"pinned_by_id" uuid,
	"edited_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "notes_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "notes_author" CHECK ("notes"."author_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "consumer_failures" (
	"consumer" text NOT NULL,
	"workspace_id" uuid NOT NULL,
	"position" bigint NOT NULL,
	"error" text NOT NULL,
	"failed_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "consumer_failures_consumer_workspace_id_position_pk" PRIMARY KEY("consumer","workspace_id","position")
);
--> statement-breakpoint
CREATE TABLE "consumers" (
	"name" text PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event_chains" (
	"workspace_id" uuid PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	"hash" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event_outbox" (
	"ordinal" bigserial PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"conversation_id" uuid,
	"conversation_seq" bigint,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "event_outbox_actor" CHECK ("event_outbox"."actor_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "events" (
	"workspace_id" uuid NOT NULL,
	"position" bigint NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"conversation_id" uuid,
	"conversation_seq" bigint,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "events_workspace_id_position_pk" PRIMARY KEY("workspace_id","position")
);
--> statement-breakpoint
CREATE TABLE "log_state" (
	"log" integer PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	"epoch" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "timeline_entries" (
	"workspace_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	"tie" integer DEFAULT 0 NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"ref_id" uuid NOT NULL,
	"conversation_id" uuid,
	"channel" text,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	CONSTRAINT "timeline_entries_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "timeline_entries_kind" CHECK ("timeline_entries"."kind" in ('MESSAGE', 'CALL', 'NOTE', 'CONVERSATION_OPENED', 'STATUS_CHANGE', 'ASSIGNMENT', 'RECORD_CHANGE', 'IDENTITY_CHANGE', 'CLAIM')),
	CONSTRAINT "timeline_entries_channel" CHECK ("timeline_entries"."channel" in ('LIVE_CHAT', 'EMAIL', 'VOICE', 'SMS', 'WHATSAPP', 'MESSENGER', 'INSTAGRAM', 'X', 'IN_APP')),
	CONSTRAINT "timeline_entries_actor" CHECK ("timeline_entries"."actor_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "attribute_observations" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"key" text NOT NULL,
	"value" jsonb,
	"source" text NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"observed_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "attribute_observations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "attribute_observations_source" CHECK ("attribute_observations"."source" in ('VERIFIED', 'AGENT', 'CRM', 'CHANNEL', 'CLAIM', 'INFERRED')),
	CONSTRAINT "attribute_observations_actor" CHECK ("attribute_observations"."actor_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "claims" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"claimant_identity_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"value" text NOT NULL,
	"value_raw" text NOT NULL,
	"state" text DEFAULT 'PENDING' NOT NULL,
	"decided_at" timestamp(3) with time zone,
	"decided_by_kind" text,
	"decided_by_id" uuid,
	"confirmed_customer_id" uuid,
	"previous_customer_id" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "claims_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "claims_state" CHECK ("claims"."state" in ('PENDING', 'CONFIRMED', 'REJECTED')),
	CONSTRAINT "claims_kind" CHECK ("claims"."kind" in ('SELF', 'PHONE', 'EMAIL', 'WA_BSUID', 'WA_PARENT_BSUID', 'PSID', 'IGSID', 'X_USER_ID', 'SIP_URI', 'VISITOR', 'EXTERNAL_ID'))
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"self_identity_id" uuid NOT NULL,
	"state" text DEFAULT 'ACTIVE' NOT NULL,
	"name" text,
	"language" text,
	"tier" text,
	"company" text,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"attributes" jsonb DEFAULT '{}' NOT NULL,
	"last_activity_at" timestamp(3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "customers_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "customers_state" CHECK ("customers"."state" in ('ACTIVE', 'MERGED', 'ERASED'))
);
--> statement-breakpoint
CREATE TABLE "identities" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"customer_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"namespace" text DEFAULT '' NOT NULL,
	"value" text NOT NULL,
	"value_raw" text NOT NULL,
	"trust" text NOT NULL,
	"display_name" text,
	"username" text,
	"linked_via_identity_id" uuid,
	"evidence" jsonb DEFAULT '{}' NOT NULL,
	"is_shared" boolean DEFAULT false NOT NULL,
	"verified_at" timestamp(3) with time zone,
	"verified_by_kind" text,
	"verified_by_id" uuid,
	"first_seen_at" timestamp(3) with time zone NOT NULL,
	"last_seen_at" timestamp(3) with time zone NOT NULL,
	"valid_to" timestamp(3) with time zone,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "identities_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "identities_kind" CHECK ("identities"."kind" in ('SELF', 'PHONE', 'EMAIL', 'WA_BSUID', 'WA_PARENT_BSUID', 'PSID', 'IGSID', 'X_USER_ID', 'SIP_URI', 'VISITOR', 'EXTERNAL_ID')),
	CONSTRAINT "identities_trust" CHECK ("identities"."trust" in ('CLAIMED', 'ATTESTED', 'VERIFIED'))
);
--> statement-breakpoint
CREATE TABLE "identity_owners" (
	"workspace_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"customer_id" uuid NOT NULL,
	"from_at" timestamp(3) with time zone NOT NULL,
	"to_at" timestamp(3) with time zone,
	CONSTRAINT "identity_owners_workspace_id_identity_id_from_at_pk" PRIMARY KEY("workspace_id","identity_id","from_at")
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"source" text NOT NULL,
	"request" jsonb NOT NULL,
	"body" "bytea",
	"body_sha256" text,
	"body_bytes" bigint NOT NULL,
	"received_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "deliveries_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "inbound_events" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"delivery_id" uuid NOT NULL,
	"ordinal" integer NOT NULL,
	"account_id" uuid,
	"lane" bigint NOT NULL,
	"address_hash" "bytea",
	"identity_id" uuid,
	"message_id" uuid,
	"state" text NOT NULL,
	"event" jsonb,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp(3) with time zone NOT NULL,
	"error" text,
	"applied_at" timestamp(3) with time zone,
	CONSTRAINT "inbound_events_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "inbound_events_state" CHECK ("inbound_events"."state" in ('PENDING', 'APPLIED', 'DUPLICATE', 'IGNORED', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD'))
);
--> statement-breakpoint
CREATE TABLE "inbound_keys" (
	"workspace_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "inbound_keys_workspace_id_account_id_key_hash_pk" PRIMARY KEY("workspace_id","account_id","key_hash")
);
--> statement-breakpoint
CREATE TABLE "attempts" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"state" text NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"finished_at" timestamp(3) with time zone,
	"provider_message_id" text,
	"error_code" text,
	"error_reason" text,
	"retryable" boolean,
	CONSTRAINT "attempts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "attempts_state" CHECK ("attempts"."state" in ('STARTED', 'ACCEPTED', 'FAILED', 'UNCONFIRMED'))
);
--> statement-breakpoint
CREATE TABLE "blobs" (
	"workspace_id" uuid NOT NULL,
	"sha256" text NOT NULL,
	"size" bigint NOT NULL,
	"mime" text NOT NULL,
	"refs" integer NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "blobs_workspace_id_sha256_pk" PRIMARY KEY("workspace_id","sha256")
);
--> statement-breakpoint
CREATE TABLE "message_parts" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"ordinal" integer NOT NULL,
	"kind" text NOT NULL,
	"text" text,
	"visible_text" text,
	"quoted_text" text,
	"signature" text,
	"html" text,
	"mime" text,
	"filename" text,
	"size" bigint,
	"sha256" text,
	"provider_media_id" text,
	"url" text,
	"media_state" text,
	"data" jsonb,
	CONSTRAINT "message_parts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "message_parts_kind" CHECK ("message_parts"."kind" in ('TEXT', 'MEDIA', 'LOCATION', 'CONTACTS', 'STICKER', 'REACTION', 'CHOICE', 'FORM', 'ORDER', 'TEMPLATE', 'CALL_REF', 'ENCRYPTED', 'UNSUPPORTED')),
	CONSTRAINT "message_parts_media_state" CHECK ("message_parts"."media_state" in ('STORED', 'LINKED', 'PENDING', 'EXPIRED', 'FORBIDDEN', 'TOO_LARGE', 'FAILED'))
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"identity_id" uuid NOT NULL,
	"account_id" uuid,
	"channel" text NOT NULL,
	"direction" text NOT NULL,
	"author_kind" text NOT NULL,
	"author_id" uuid,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	"tie" integer DEFAULT 0 NOT NULL,
	"received_at" timestamp(3) with time zone NOT NULL,
	"sent_at" timestamp(3) with time zone,
	"subject" text,
	"text" text,
	"provider_message_id" text,
	"in_reply_to_message_id" uuid,
	"delivery_state" text NOT NULL,
	"error_code" text,
	"error_reason" text,
	"sender_trust" text,
	"auto_generated" boolean DEFAULT false NOT NULL,
	"historical" boolean DEFAULT false NOT NULL,
	"client_id" text,
	"seen_up_to" bigint,
	"join_reason" text NOT NULL,
	"join_message_id" uuid,
	"join_after_channel" text,
	"edited_at" timestamp(3) with time zone,
	"deleted_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "messages_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "messages_channel" CHECK ("messages"."channel" in ('LIVE_CHAT', 'EMAIL', 'VOICE', 'SMS', 'WHATSAPP', 'MESSENGER', 'INSTAGRAM', 'X', 'IN_APP')),
	CONSTRAINT "messages_direction" CHECK ("messages"."direction" in ('INBOUND', 'OUTBOUND')),
	CONSTRAINT "messages_author" CHECK ("messages"."author_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL')),
	CONSTRAINT "messages_delivery_state" CHECK ("messages"."delivery_state" in ('RECEIVED', 'QUEUED', 'ACCEPTED', 'SENDING', 'SENT', 'DELIVERED', 'READ', 'PLAYED', 'FAILED', 'UNCONFIRMED')),
	CONSTRAINT "messages_join_reason" CHECK ("messages"."join_reason" in ('ANSWERS_MESSAGE', 'REPLY_TOKEN', 'OPEN_MATTER', 'OPEN_MATTER_OTHER_CHANNEL', 'SAME_LANE', 'REOPENED_BY_REPLY', 'NEW_CONVERSATION', 'NEW_AFTER_CLOSED', 'SENT_BY_AGENT', 'EXPLICIT')),
	CONSTRAINT "messages_sender_trust" CHECK ("messages"."sender_trust" in ('CLAIMED', 'ATTESTED', 'VERIFIED'))
);
--> statement-breakpoint
CREATE TABLE "receipts" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"provider_message_id" text NOT NULL,
	"message_id" uuid,
	"state" text NOT NULL,
	"occurred_at" timestamp(3) with time zone,
	"error_code" text,
	"reason" text,
	"recipient" text,
	"received_at" timestamp(3) with time zone NOT NULL,
	"applied_at" timestamp(3) with time zone,
	CONSTRAINT "receipts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "receipts_state" CHECK ("receipts"."state" in ('RECEIVED', 'QUEUED', 'ACCEPTED', 'SENDING', 'SENT', 'DELIVERED', 'READ', 'PLAYED', 'FAILED', 'UNCONFIRMED'))
);
--> statement-breakpoint
CREATE TABLE "routing_decisions" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"event_position" bigint NOT NULL,
	"rule_id" uuid,
	"rule_version" integer,
	"queue_id" uuid,
	"priority" text,
	"reasons" jsonb NOT NULL,
	"decided_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "routing_decisions_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "routing_decisions_priority" CHECK ("routing_decisions"."priority" in ('LOW', 'NORMAL', 'HIGH', 'URGENT'))
);
--> statement-breakpoint
CREATE TABLE "routing_rules" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"position" integer NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"conditions" jsonb NOT NULL,
	"actions" jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "routing_rules_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"scopes" text[] DEFAULT '{}' NOT NULL,
	"hash" "bytea" NOT NULL,
	"hint" text NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"created_by_kind" text NOT NULL,
	"created_by_id" uuid,
	"expires_at" timestamp(3) with time zone,
	"revoked_at" timestamp(3) with time zone,
	CONSTRAINT "api_keys_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "api_keys_hash" UNIQUE("hash"),
	CONSTRAINT "api_keys_role" CHECK ("api_keys"."role" in ('ADMIN', 'AGENT', 'INTEGRATOR', 'REPORTING')),
	CONSTRAINT "api_keys_created_by" CHECK ("api_keys"."created_by_kind" in ('MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'))
);
--> statement-breakpoint
CREATE TABLE "business_hours" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"time_zone" text NOT NULL,
	"hours" jsonb NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "business_hours_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "business_hours_name" UNIQUE("workspace_id","name")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"workspace_id" uuid NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"result" jsonb NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_workspace_id_actor_kind_actor_id_key_pk" PRIMARY KEY("workspace_id","actor_kind","actor_id","key")
);
--> statement-breakpoint
CREATE TABLE "members" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"email" text NOT NULL,
	"role" text DEFAULT 'AGENT' NOT NULL,
	"deactivated_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "members_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "members_email" UNIQUE("workspace_id","email"),
	CONSTRAINT "members_role" CHECK ("members"."role" in ('ADMIN', 'AGENT', 'INTEGRATOR', 'REPORTING'))
);
--> statement-breakpoint
CREATE TABLE "queues" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"business_hours_id" uuid,
	"is_default" boolean DEFAULT false NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "queues_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "queues_name" UNIQUE("workspace_id","name")
);
--> statement-breakpoint
CREATE TABLE "team_members" (
	"workspace_id" uuid NOT NULL,
	"team_id" uuid NOT NULL,
	"member_id" uuid NOT NULL,
	CONSTRAINT "team_members_workspace_id_team_id_member_id_pk" PRIMARY KEY("workspace_id","team_id","member_id")
);
--> statement-breakpoint
CREATE TABLE "teams" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "teams_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "teams_name" UNIQUE("workspace_id","name")
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"member_id" uuid,
	"identity_id" uuid,
	"account_id" uuid,
	"created_at" timestamp(3) with time zone NOT NULL,
	"expires_at" timestamp(3) with time zone NOT NULL,
	"revoked_at" timestamp(3) with time zone,
	CONSTRAINT "tokens_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "tokens_kind" CHECK ("tokens"."kind" in ('MEMBER', 'VISITOR'))
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	"continuity" text DEFAULT 'ONE_OPEN_MATTER' NOT NULL,
	"reopen_hours" integer DEFAULT 72 NOT NULL,
	"allowed_origins" text[] DEFAULT '{}' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "workspaces_continuity" CHECK ("workspaces"."continuity" in ('ONE_OPEN_MATTER', 'ONE_PER_CHANNEL'))
);
--> statement-breakpoint
ALTER TABLE "call_legs" ADD CONSTRAINT "call_legs_call" FOREIGN KEY ("workspace_id","call_id") REFERENCES "public"."calls"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_member" FOREIGN KEY ("workspace_id","member_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recordings" ADD CONSTRAINT "recordings_call" FOREIGN KEY ("workspace_id","call_id") REFERENCES "public"."calls"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "transcripts" ADD CONSTRAINT "transcripts_call" FOREIGN KEY ("workspace_id","call_id") REFERENCES "public"."calls"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "channel_accounts" ADD CONSTRAINT "channel_accounts_endpoint" FOREIGN KEY ("workspace_id","endpoint_id") REFERENCES "public"."channel_endpoints"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "channel_endpoints" ADD CONSTRAINT "channel_endpoints_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_participants" ADD CONSTRAINT "conversation_participants_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_participants" ADD CONSTRAINT "conversation_participants_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_reads" ADD CONSTRAINT "conversation_reads_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_reads" ADD CONSTRAINT "conversation_reads_member" FOREIGN KEY ("workspace_id","member_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_assignee" FOREIGN KEY ("workspace_id","assignee_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_team" FOREIGN KEY ("workspace_id","team_id") REFERENCES "public"."teams"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_queue" FOREIGN KEY ("workspace_id","queue_id") REFERENCES "public"."queues"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_related" FOREIGN KEY ("workspace_id","related_conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "threads" ADD CONSTRAINT "threads_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "threads" ADD CONSTRAINT "threads_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "external_record_versions" ADD CONSTRAINT "external_record_versions_record" FOREIGN KEY ("workspace_id","external_record_id") REFERENCES "public"."external_records"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "external_records" ADD CONSTRAINT "external_records_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "note_links" ADD CONSTRAINT "note_links_note" FOREIGN KEY ("workspace_id","note_id") REFERENCES "public"."notes"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "note_links" ADD CONSTRAINT "note_links_record" FOREIGN KEY ("workspace_id","external_record_id") REFERENCES "public"."external_records"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "note_versions" ADD CONSTRAINT "note_versions_note" FOREIGN KEY ("workspace_id","note_id") REFERENCES "public"."notes"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "timeline_entries" ADD CONSTRAINT "timeline_entries_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attribute_observations" ADD CONSTRAINT "attribute_observations_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_claimant" FOREIGN KEY ("workspace_id","claimant_identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_customer" FOREIGN KEY ("workspace_id","customer_id") REFERENCES "public"."customers"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_linked_via" FOREIGN KEY ("workspace_id","linked_via_identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identity_owners" ADD CONSTRAINT "identity_owners_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identity_owners" ADD CONSTRAINT "identity_owners_customer" FOREIGN KEY ("workspace_id","customer_id") REFERENCES "public"."customers"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_endpoint" FOREIGN KEY ("workspace_id","endpoint_id") REFERENCES "public"."channel_endpoints"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inbound_events" ADD CONSTRAINT "inbound_events_delivery" FOREIGN KEY ("workspace_id","delivery_id") REFERENCES "public"."deliveries"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_message" FOREIGN KEY ("workspace_id","message_id") REFERENCES "public"."messages"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message_parts" ADD CONSTRAINT "message_parts_message" FOREIGN KEY ("workspace_id","message_id") REFERENCES "public"."messages"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_identity" FOREIGN KEY ("workspace_id","identity_id") REFERENCES "public"."identities"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receipts" ADD CONSTRAINT "receipts_account" FOREIGN KEY ("workspace_id","account_id") REFERENCES "public"."channel_accounts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routing_decisions" ADD CONSTRAINT "routing_decisions_conversation" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routing_decisions" ADD CONSTRAINT "routing_decisions_queue" FOREIGN KEY ("workspace_id","queue_id") REFERENCES "public"."queues"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routing_rules" ADD CONSTRAINT "routing_rules_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "business_hours" ADD CONSTRAINT "business_hours_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "queues" ADD CONSTRAINT "queues_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "queues" ADD CONSTRAINT "queues_business_hours" FOREIGN KEY ("workspace_id","business_hours_id") REFERENCES "public"."business_hours"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_members" ADD CONSTRAINT "team_members_team" FOREIGN KEY ("workspace_id","team_id") REFERENCES "public"."teams"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_members" ADD CONSTRAINT "team_members_member" FOREIGN KEY ("workspace_id","member_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "teams" ADD CONSTRAINT "teams_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_member" FOREIGN KEY ("workspace_id","member_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "call_legs_by_provider_id" ON "call_legs" USING btree ("workspace_id","call_id","provider_leg_id");--> statement-breakpoint
CREATE UNIQUE INDEX "calls_by_provider_id" ON "calls" USING btree ("workspace_id","account_id","provider_call_id");--> statement-breakpoint
CREATE INDEX "calls_by_conversation" ON "calls" USING btree ("workspace_id","conversation_id","started_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "recordings_by_provider_id" ON "recordings" USING btree ("workspace_id","call_id","provider_recording_id");--> statement-breakpoint
CREATE UNIQUE INDEX "transcripts_by_provider_id" ON "transcripts" USING btree ("workspace_id","call_id","provider_transcript_id");--> statement-breakpoint
CREATE UNIQUE INDEX "channel_accounts_address" ON "channel_accounts" USING btree ("workspace_id","channel","provider","address");--> statement-breakpoint
CREATE INDEX "channel_accounts_by_endpoint" ON "channel_accounts" USING btree ("workspace_id","endpoint_id");--> statement-breakpoint
CREATE UNIQUE INDEX "channel_endpoints_id" ON "channel_endpoints" USING btree ("id");--> statement-breakpoint
CREATE INDEX "conversation_participants_by_identity" ON "conversation_participants" USING btree ("workspace_id","identity_id","conversation_id");--> statement-breakpoint
CREATE INDEX "conversations_by_activity" ON "conversations" USING btree ("workspace_id","last_activity_at","id");--> statement-breakpoint
CREATE INDEX "conversations_by_status" ON "conversations" USING btree ("workspace_id","status","last_activity_at","id");--> statement-breakpoint
CREATE INDEX "conversations_by_waiting" ON "conversations" USING btree ("workspace_id","status","waiting_order","id");--> statement-breakpoint
CREATE INDEX "conversations_by_assignee" ON "conversations" USING btree ("workspace_id","assignee_id","status","last_activity_at","id");--> statement-breakpoint
CREATE INDEX "conversations_by_queue" ON "conversations" USING btree ("workspace_id","queue_id","status","last_activity_at","id");--> statement-breakpoint
CREATE INDEX "conversations_by_identity" ON "conversations" USING btree ("workspace_id","identity_id");--> statement-breakpoint
CREATE INDEX "conversations_by_creation" ON "conversations" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "conversations_snoozed" ON "conversations" USING btree ("snoozed_until") WHERE status = 'SNOOZED';--> statement-breakpoint
CREATE INDEX "conversations_tags" ON "conversations" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "threads_by_conversation" ON "threads" USING btree ("workspace_id","conversation_id");--> statement-breakpoint
CREATE UNIQUE INDEX "external_records_key" ON "external_records" USING btree ("workspace_id","system","type","external_id");--> statement-breakpoint
CREATE INDEX "external_records_by_identity" ON "external_records" USING btree ("workspace_id","identity_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "external_records_by_number" ON "external_records" USING btree ("workspace_id","number");--> statement-breakpoint
CREATE INDEX "external_records_by_update" ON "external_records" USING btree ("workspace_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "note_links_by_record" ON "note_links" USING btree ("workspace_id","external_record_id");--> statement-breakpoint
CREATE INDEX "notes_by_identity" ON "notes" USING btree ("workspace_id","identity_id","created_at","id");--> statement-breakpoint
CREATE INDEX "notes_by_conversation" ON "notes" USING btree ("workspace_id","conversation_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "events_position" ON "events" USING btree ("position");--> statement-breakpoint
CREATE UNIQUE INDEX "events_id" ON "events" USING btree ("workspace_id","id");--> statement-breakpoint
CREATE INDEX "events_by_conversation" ON "events" USING btree ("workspace_id","conversation_id","conversation_seq");--> statement-breakpoint
CREATE INDEX "timeline_entries_by_identity" ON "timeline_entries" USING btree ("workspace_id","identity_id","occurred_at","tie","id");--> statement-breakpoint
CREATE INDEX "timeline_entries_by_conversation" ON "timeline_entries" USING btree ("workspace_id","conversation_id","occurred_at","tie","id");--> statement-breakpoint
CREATE UNIQUE INDEX "timeline_entries_subject" ON "timeline_entries" USING btree ("workspace_id","kind","ref_id","identity_id");--> statement-breakpoint
CREATE INDEX "attribute_observations_by_identity" ON "attribute_observations" USING btree ("workspace_id","identity_id","key","observed_at");--> statement-breakpoint
CREATE UNIQUE INDEX "claims_once" ON "claims" USING btree ("workspace_id","claimant_identity_id","kind","value");--> statement-breakpoint
CREATE INDEX "claims_by_address" ON "claims" USING btree ("workspace_id","kind","value","state");--> statement-breakpoint
CREATE INDEX "customers_by_activity" ON "customers" USING btree ("workspace_id","last_activity_at","id");--> statement-breakpoint
CREATE INDEX "customers_by_creation" ON "customers" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "customers_by_tier" ON "customers" USING btree ("workspace_id","tier","last_activity_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "identities_address" ON "identities" USING btree ("workspace_id","kind","namespace","value") WHERE valid_to is null;--> statement-breakpoint
CREATE INDEX "identities_by_customer" ON "identities" USING btree ("workspace_id","customer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "identities_by_value" ON "identities" USING btree ("workspace_id","kind","value");--> statement-breakpoint
CREATE INDEX "identity_owners_by_customer" ON "identity_owners" USING btree ("workspace_id","customer_id");--> statement-breakpoint
CREATE INDEX "deliveries_by_time" ON "deliveries" USING btree ("workspace_id","received_at","id");--> statement-breakpoint
CREATE INDEX "inbound_events_pending" ON "inbound_events" USING btree ("lane","delivery_id","ordinal") WHERE state = 'PENDING';--> statement-breakpoint
CREATE INDEX "inbound_events_by_state" ON "inbound_events" USING btree ("workspace_id","state","id");--> statement-breakpoint
CREATE INDEX "inbound_events_by_delivery" ON "inbound_events" USING btree ("workspace_id","delivery_id","ordinal");--> statement-breakpoint
CREATE INDEX "inbound_events_by_message" ON "inbound_events" USING btree ("workspace_id","message_id");--> statement-breakpoint
CREATE UNIQUE INDEX "attempts_number" ON "attempts" USING btree ("workspace_id","message_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "message_parts_order" ON "message_parts" USING btree ("workspace_id","message_id","version","ordinal");--> statement-breakpoint
CREATE INDEX "messages_by_conversation" ON "messages" USING btree ("workspace_id","conversation_id","occurred_at","tie","id");--> statement-breakpoint
CREATE UNIQUE INDEX "messages_by_provider_id" ON "messages" USING btree ("workspace_id","account_id","provider_message_id") WHERE provider_message_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "messages_by_client_id" ON "messages" USING btree ("workspace_id","author_kind","author_id","client_id") WHERE client_id is not null;--> statement-breakpoint
CREATE INDEX "messages_by_identity" ON "messages" USING btree ("workspace_id","identity_id","occurred_at");--> statement-breakpoint
CREATE INDEX "messages_by_time" ON "messages" USING btree ("workspace_id","occurred_at");--> statement-breakpoint
CREATE INDEX "receipts_by_provider_id" ON "receipts" USING btree ("workspace_id","account_id","provider_message_id");--> statement-breakpoint
CREATE INDEX "receipts_by_message" ON "receipts" USING btree ("workspace_id","message_id");--> statement-breakpoint
CREATE UNIQUE INDEX "routing_decisions_once" ON "routing_decisions" USING btree ("workspace_id","conversation_id","event_position");--> statement-breakpoint
CREATE INDEX "routing_decisions_by_time" ON "routing_decisions" USING btree ("workspace_id","conversation_id","decided_at","id");--> statement-breakpoint
CREATE INDEX "routing_rules_in_order" ON "routing_rules" USING btree ("workspace_id","position","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "members_by_creation" ON "members" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "queues_default" ON "queues" USING btree ("workspace_id") WHERE is_default;--> statement-breakpoint
CREATE INDEX "team_members_by_member" ON "team_members" USING btree ("workspace_id","member_id");--> statement-breakpoint
CREATE INDEX "tokens_by_expiry" ON "tokens" USING btree ("expires_at");
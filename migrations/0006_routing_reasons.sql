-- The reasons of routing decisions, a row a rule that was looked at: what the graph shows of `routing_decisions.reasons`.
create view routing_reasons with (security_invoker = true) as
  select d.workspace_id, d.id as routing_decision_id, r.ordinal::integer as ordinal, (r.reason->>'ruleId')::uuid as rule_id, r.reason->>'name' as name,
    (r.reason->>'matched')::boolean as matched, array(select jsonb_array_elements_text(r.reason->'because')) as because
  from routing_decisions d cross join lateral jsonb_array_elements(d.reasons) with ordinality as r (reason, ordinal);
--> statement-breakpoint
grant select on routing_reasons to throughline_app;

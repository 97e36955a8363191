-- Whose entries an agent sees on a customer's timeline: the customer's own identities, and the visitors who say that one of his addresses is
-- theirs (claims that nobody has decided). A claim is matched by address when read, since the address's owner may appear later. A shared
-- address says nothing of who claims it, and a retired one is nobody's.
-- security_invoker: the policies of the reader hold, not those of the view's owner.
create view timeline_sources with (security_invoker = true) as
  select i.workspace_id, i.customer_id, i.id, false as claimed
  from identities i
  union all
  select distinct owned.workspace_id, owned.customer_id, c.claimant_identity_id, true
  from identities owned
  join claims c on c.workspace_id = owned.workspace_id and c.kind = owned.kind and c.value = owned.value and c.state = 'PENDING'
  join identities claimant on claimant.workspace_id = c.workspace_id and claimant.id = c.claimant_identity_id
  where owned.namespace = '' and owned.valid_to is null and not owned.is_shared and claimant.customer_id <> owned.customer_id;
--> statement-breakpoint
grant select on timeline_sources to throughline_app;

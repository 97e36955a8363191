-- What an operator sees of a delivery (Delivery.raw): its head, an empty line, its body; at most 64 KiB. Null when no body is kept.
-- Bytes that are no UTF-8, or NUL, which text can't hold, are escaped: `\377`. A character that the cut went through is left out.
create function raw_delivery(request jsonb, body bytea) returns text
language plpgsql immutable set search_path = pg_catalog as $$
declare
  head text;
  room int;
begin
  if body is null then return null; end if;
  head := concat(request ->> 'method', ' ', request ->> 'url', E'\n',
    (select string_agg(h.key || ': ' || h.value || E'\n', '' order by h.key) from jsonb_each_text(coalesce(request -> 'headers', '{}')) h), E'\n');
  room := greatest(65536 - octet_length(head), 0);
  for cut in 0..(case when octet_length(body) > room then least(3, room) else 0 end) loop
    begin
      return left(head, 65536) || convert_from(substring(body from 1 for room - cut), 'UTF8');
    exception when character_not_in_repertoire or untranslatable_character then null;
    end;
  end loop;
  return left(head || encode(substring(body from 1 for room), 'escape'), 65536);
end $$;
--> statement-breakpoint
revoke all on function raw_delivery(jsonb, bytea) from public;
--> statement-breakpoint
grant execute on function raw_delivery(jsonb, bytea) to throughline_app;

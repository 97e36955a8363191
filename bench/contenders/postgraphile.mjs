// PostGraphile 5 as its documentation sets it up: its own node server, row-level security by pgSettings, prepared statements, a pool of the
// same size as ours. What its schema can't say by foreign keys (conversations by participation, the merged timeline with what an entry is about) are
// the SQL functions and views that its users write for that; they name the workspace as our statements do. By a foreign key (a smart tag) from an entry
// to its message PostGraphile would look that up by a list of keys in JSON, which under row-level security reads the whole table, since json's operators
// aren't leakproof.
import http from 'node:http';
import pg from 'pg';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { makePgSmartTagsPlugin } from 'postgraphile/utils';

const WORKSPACE = process.env.WORKSPACE;
const url = process.env.DATABASE_URL;

const owner = new pg.Client({ connectionString: url });
await owner.connect();
await owner.query(`
  drop function if exists customers_timeline(customers);
  create or replace function customers_addresses(c customers) returns setof identities language sql stable as $$
    select i.* from identities i where i.workspace_id = c.workspace_id and i.customer_id = c.id and i.kind <> 'SELF' order by i.created_at, i.id $$;
  create or replace function customers_matters(c customers) returns setof conversations language sql stable as $$
    select v.* from (select distinct p.conversation_id from identities h join conversation_participants p on p.workspace_id = h.workspace_id and p.identity_id = h.id
      where h.workspace_id = c.workspace_id and h.customer_id = c.id) mine
    join conversations v on v.workspace_id = c.workspace_id and v.id = mine.conversation_id order by v.last_activity_at desc, v.id desc $$;
  create or replace view timeline_items with (security_invoker = true) as
    select e.workspace_id, e.identity_id, e.id, e.kind, e.occurred_at, e.tie, e.channel, m.id as message_id, m.direction, m.text, n.id as note_id, n.body, n.created_at
    from timeline_entries e
    left join messages m on m.workspace_id = e.workspace_id and m.id = e.ref_id and e.kind = 'MESSAGE'
    left join notes n on n.workspace_id = e.workspace_id and n.id = e.ref_id and e.kind = 'NOTE';
  create or replace function customers_timeline(c customers) returns setof timeline_items language sql stable as $$
    select y.* from timeline_sources h cross join lateral (select t.* from timeline_items t where t.workspace_id = c.workspace_id and t.identity_id = h.id
      order by t.occurred_at desc, t.tie desc, t.id desc limit 51) y
    where h.workspace_id = c.workspace_id and h.customer_id = c.id order by y.occurred_at desc, y.tie desc, y.id desc $$;
  grant select on timeline_items to throughline_app;
  grant execute on function customers_addresses, customers_matters, customers_timeline to throughline_app`);
await owner.end();

const table = (name, ...foreignKey) => ({ kind: 'class', match: `public.${name}`, tags: { foreignKey } });
/** @type {GraphileConfig.Preset} */
const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [
    makePgSmartTagsPlugin([
      table('conversations', '(workspace_id, last_message_id) references messages (workspace_id, id)'),
    ]),
  ],
  pgServices: [makePgService({
    connectionString: url, schemas: ['public'], poolConfig: { max: 10 },
    pgSettings: () => ({ role: 'throughline_app', 'app.workspace_id': WORKSPACE }),
  })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false, websockets: false, maskError: (error) => error },
  grafast: { explain: false },
};

const serv = postgraphile(preset).createServ(grafserv);
const server = http.createServer();
await serv.addTo(server);
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));

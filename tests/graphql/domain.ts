// A small domain that uses every form of declaration, for the tests of the graph. Tables in tables.ts.
import {
  byId, column, computed, custom, embed, entity, enumeration, expression, extend, idOf, inputObject, list, listOf, many, one, query, rootLeaf, rows, union, value,
} from '../../src/graphql/entity.ts';
import { bulkRow, mutation } from '../../src/graphql/mutation.ts';
import { subscription } from '../../src/graphql/subscription.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { newId, uuidOf } from '../../src/platform/ids.ts';

const MEDIA = ['MAIL', 'CHAT', 'PHONE'] as const;
export const Medium = enumeration('Medium', 'How it came.', MEDIA, { MAIL: 'By mail.', CHAT: 'By chat.', PHONE: 'By phone.' });
const State = enumeration('MatterState', 'Where a matter stands.', ['OPEN', 'DONE'], { OPEN: 'To do.', DONE: 'Done.' });
/** No check constraint proves what the column holds. */
const Mood = enumeration('Mood', 'How it was said.', ['CALM', 'ANGRY'], { CALM: 'Calm.', ANGRY: 'Angry.' });

export const Person = entity('Person', {
  prefix: 'gpe', table: 'g_people', permission: 'customers:read', description: 'Somebody.',
  fields: {
    name: column('String', 'name', 'The name.'),
    email: column('String', 'email', 'The address; null when it is not known.', { nullable: true, permission: 'customers:contact' }),
    score: column('Int', 'score', 'Points.'),
    weight: column('Float', 'weight', 'In kg; null when it is not known.', { nullable: true }),
    paid: column('Milliseconds', 'paid_ms', 'Paid time; null when there is none.', { nullable: true }),
    size: column('Bytes', 'size_bytes', 'Stored bytes.'),
    attributes: column('JSON', 'attributes', 'Whatever is known besides.'),
    extra: column('JSON', 'extra', 'More; null when there is no more.', { nullable: true }),
    tags: column(listOf('String'), 'tags', 'Tags, in order.'),
    media: column(listOf(Medium), 'media', 'Media used, in order.'),
    mood: column(Mood, 'mood', 'The mood; null when nobody knows.', { nullable: true }),
    active: column('Boolean', 'active', 'Whether active.'),
    bossId: column(idOf('gpe'), 'boss_id', 'Id of the boss; null without one.', { nullable: true }),
    createdAt: column('DateTime', 'created_at', 'When created.'),
    initials: computed('String', ['name'], (name: string) => name.split(/\s+/).map((w) => w[0] ?? '').join('').toUpperCase(), 'First letters.'),
    label: computed('String', ['name', 'email', 'boss_id', 'tags'], (name, email, boss, tags) => (email ? `${name} <${email}> ${boss} ${tags.length}` : null), 'Name and address; null without address.', { nullable: true }),
    bossOf: computed(idOf('gpe'), ['boss_id'], (boss) => boss, 'The boss again; null without one.', { nullable: true }),
    half: computed('Float', ['score', 'created_at'], (score, at: string) => score / 2 + at.length, 'Half the points and more.'),
    messageShare: expression('Float', (p) => `(select count(*) / 3.0 from g_words w where w.workspace_id = ${p}.workspace_id and w.sender_id in (select a.id from g_addresses a where a.workspace_id = ${p}.workspace_id and a.person_id = ${p}.id))`, 'Messages, by three.'),
    boss: one(() => Person, 'boss_id', 'The boss; null without one.', { nullable: true }),
    unread: expression('Int', (p, viewer) => `(select count(*) from g_reads r where r.workspace_id = ${p}.workspace_id and r.person_id = ${p}.id and r.member_id = ${viewer.memberId()})`, 'Reads of the viewer.', { perViewer: true }),
    addresses: many(() => Address, 'Addresses.', { key: 'person_id', orders: { ID: { description: 'By id.', columns: [], descending: false } } }),
    firstAddresses: list(() => Address, 'A few addresses, the last value first.', { key: 'person_id', order: 'value desc, id', max: 3, where: (a) => `${a}.kind <> 'NONE'` }),
    friends: many(() => Person, 'Friends, by name.', {
      among: (parent, scope) => `select f.friend_id from g_friends f where f.person_id = ${parent} and ${scope('f')}`,
      orders: { NAME: { description: 'By name.', columns: ['name'], descending: false } }, typeName: 'Friend',
    }),
    friendList: list(() => Person, 'Friends, a few.', { among: (parent, scope) => `select t.friend_id from g_friends t where t.person_id = ${parent} and ${scope('t')}`, order: 'score desc, id', max: 2 }),
  },
});

export const Address = entity('Address', {
  prefix: 'gad', table: 'g_addresses', permission: 'customers:contact', description: 'An address.',
  fields: {
    kind: column('String', 'kind', 'Its kind.'),
    value: column('String', 'value', 'What it is.'),
    person: one(() => Person, 'person_id', 'Whose it is.'),
  },
});

export const Who = value('Who', 'Who did it.', {
  kind: column(Mood, 'kind', 'What kind.'),
  id: column(idOf('gpe'), 'id', 'Id of the person; null for machines.', { nullable: true }),
  text: expression('String', (w) => `${w}.kind || coalesce('/' || ${w}.id::text, '')`, 'Both as text.'),
  short: computed('String', ['kind', 'id'], (kind, id) => `${kind}:${id ? String(id).slice(-3) : ''}`, 'Short.'),
  person: one(() => Person, (w) => `case when ${w}.kind = 'CALM' then ${w}.id end`, 'The person; null for machines.', { nullable: true }),
  same: one(() => Person, 'id', 'The same; null for machines.', { nullable: true }),
});

const MATTER_ORDERS = {
  LATEST: { description: 'The latest first.', columns: ['touched_at'], descending: true },
  OLDEST: { description: 'The oldest first.', columns: ['touched_at'], descending: false },
  RANK: { description: 'By rank and flag.', columns: ['rank', 'flagged'], descending: false },
};
const MATTER_FILTER = {
  state: { type: State, column: 'state', description: 'Stands there.' },
  media: { type: Medium, column: 'medium', list: true, description: 'Came by one of these.' },
  ownerId: { type: idOf('gpe'), column: 'owner_id', nullable: true, description: 'Owned by; null: by nobody.' },
  flagged: { type: 'Boolean' as const, column: 'flagged', description: 'Whether flagged.' },
  touchedAfter: { type: 'DateTime' as const, sql: (m: string, v: string) => `${m}.touched_at > ${v}`, description: 'Touched later.' },
  words: { type: 'String' as const, list: true, sql: (t: string, v: string) => `exists (select from g_words t2 where t2.workspace_id = ${t}.workspace_id and t2.matter_id = ${t}.id and t2.body = any(${v}))`, description: 'Has one of these bodies.' },
};
export const Matter = entity('Matter', {
  prefix: 'gma', table: 'g_matters', permission: 'conversations:read', description: 'A matter.',
  fields: {
    medium: column(Medium, 'medium', 'How it came.'),
    state: column(State, 'state', 'Where it stands.'),
    touchedAt: column('DateTime', 'touched_at', 'When last touched.'),
    rank: column('Int', 'rank', 'Rank.'),
    by: embed(() => Who, { kind: 'by_kind', id: 'by_id' }, 'Who made it.'),
    closedBy: embed(() => Who, { kind: 'closed_kind', id: 'closed_id' }, 'Who closed it; null while open.', { nullable: true }),
    wordCount: expression('Int', (t) => `(select count(*)::int from g_words p where p.workspace_id = ${t}.workspace_id and p.matter_id = ${t}.id)`, 'Words.'),
    firstBody: expression('String', (m) => `(select w.body from g_words w where w.workspace_id = ${m}.workspace_id and w.matter_id = ${m}.id order by w.said_at, w.id limit 1)`, 'The first body: an error where there is none.'),
    firstMood: expression(Mood, (m) => `(select w.mood from g_words w where w.workspace_id = ${m}.workspace_id and w.matter_id = ${m}.id order by w.id limit 1)`, 'The first mood; null where there is none.', { nullable: true }),
    person: one(() => Person, (m) => `(select k.person_id from g_addresses k where k.workspace_id = ${m}.workspace_id and k.id = ${m}.address_id)`, 'Whose it is.'),
    lastWord: one(() => Word, 'last_word_id', 'The last word; null without one.', { nullable: true }),
    words: many(() => Word, 'Words, the newest first.', {
      key: 'matter_id', orders: { NEWEST: { description: 'The newest first.', columns: ['said_at', 'serial'], descending: true } },
      filter: { mood: { type: Mood, column: 'mood', nullable: true, description: 'Said so; null: nobody knows.' } },
    }),
    siblings: many(() => Matter, 'Matters of the same address.', { key: 'address_id', parentKey: (m) => `${m}.address_id`, orders: MATTER_ORDERS, filter: MATTER_FILTER, typeName: 'Matter' }),
    mine: many(() => Word, 'Words of the acting visitor.', { key: 'matter_id', where: (w, viewer) => `${w}.sender_id = any(${viewer.identityIds()})`, orders: { ID: { description: 'By id.', columns: [], descending: false } } }),
    personAddresses: list(() => Address, 'Addresses of its person.', {
      key: 'person_id', parentKey: (m) => `(select k.person_id from g_addresses k where k.workspace_id = ${m}.workspace_id and k.id = ${m}.address_id)`, order: 'id', max: 2,
    }),
  },
});
extend(Person, {
  matters: many(() => Matter, 'Matters, over all addresses.', { through: { table: 'g_addresses', parent: 'person_id', key: 'address_id' }, orders: MATTER_ORDERS, filter: MATTER_FILTER, around: true, typeName: 'Matter' }),
});

export const Word = entity('Word', {
  prefix: 'gwo', table: 'g_words', permission: 'messages:read', description: 'Something said.',
  fields: {
    body: column('String', 'body', 'What.'),
    saidAt: column('DateTime', 'said_at', 'When.'),
    mood: column(Mood, 'mood', 'How; null when nobody knows.', { nullable: true }),
    serial: column('Milliseconds', 'serial', 'Its number.'),
    matter: one(() => Matter, 'matter_id', 'Where.'),
  },
});
export const Memo = entity('Memo', { prefix: 'gme', table: 'g_memos', permission: 'notes:read', description: 'A memo.', fields: { body: column('String', 'body', 'What.'), saidAt: column('DateTime', 'said_at', 'When.') } });
export const Happening = entity('Happening', {
  prefix: 'gha', table: 'g_happenings', permission: 'events:read', description: 'Something that happened.',
  fields: {
    at: column('DateTime', 'at', 'When.'),
    medium: column(Medium, 'medium', 'By what; null for memos.', { nullable: true }),
    matter: one(() => Matter, 'matter_id', 'In which matter; null outside.', { nullable: true }),
    subject: one(() => Subject, 'ref_id', 'What; null once it was erased.', { nullable: true }),
    same: one(() => Subject, (h) => `(select ${h}.ref_id)`, 'The same, by an expression; null once it was erased.', { nullable: true }),
  },
});
export const Subject = union('Subject', { description: 'What happened.', by: 'kind', members: { WORD: () => Word, MEMO: () => Memo } });
extend(Person, {
  happenings: many(() => Happening, 'What happened, the newest first.', {
    through: { table: 'g_reach', parent: 'person_id', key: 'address_id', via: 'address_id' }, around: true,
    orders: { NEWEST: { description: 'The newest first.', columns: ['at', 'tie'], descending: true } },
    filter: { after: { type: 'DateTime', sql: (h, v) => `${h}.at >= ${v}`, description: 'Then or later.' } },
  }),
  online: custom('Boolean', () => false, 'Presence; it lives in memory.'),
  bossAgain: custom(() => Person, (row) => (row.bossId ? uuidOf('gpe', row.bossId) : null), 'The boss, by hand; null without one.', { nullable: true }),
});

/** A view of rows without an id of its own. */
const Tally = entity('Tally', {
  prefix: null, table: '', permission: 'statistics:read', description: 'A count.',
  fields: {
    medium: column(Medium, 'medium', 'Of what.'),
    count: column('Int', 'n', 'How many.'),
    share: column('Float', 'share', 'Of all.'),
    twice: expression('Int', (r) => `${r}.n * 2`, 'Twice.'),
    text: computed('String', ['medium', 'count', 'share'], (medium, count, share) => `${medium} ${count} ${share}`, 'As text.'),
    latest: one(() => Matter, 'latest_id', 'The latest; null when there is none.', { nullable: true }),
    again: one(() => Matter, (r) => `(select ${r}.latest_id)`, 'The same; null when there is none.', { nullable: true }),
    words: many(() => Word, 'Words of the latest.', { key: 'matter_id', parentKey: (r) => `${r}.latest_id`, orders: { ID: { description: 'By id.', columns: [], descending: false } } }),
  },
});
/** The visitor's own side. */
export const OwnMatter = entity('OwnMatter', {
  prefix: null, table: 'g_matters', permission: 'visitor:self', description: 'A matter of the visitor.', scope: (m, viewer) => `${m}.address_id = any(${viewer.identityIds()})`,
  fields: {
    id: column(idOf('gma'), 'id', 'Its id.'),
    state: column(State, 'state', 'Where it stands.'),
    words: expression('Int', (m) => `(select count(*) from g_words w where w.workspace_id = ${m}.workspace_id and w.matter_id = ${m}.id)`, 'Words.'),
  },
});

query({
  person: byId(() => Person, 'A person; null when there is none.'),
  matter: byId(() => Matter, 'A matter; null when there is none.'),
  ownMatter: byId(() => OwnMatter, 'A matter of the visitor; null when there is none.', { prefix: 'gma' }),
  people: many(() => Person, 'People.', {
    orders: {
      CREATED: { description: 'The oldest first.', columns: ['created_at'], descending: false },
      NAME: { description: 'By name.', columns: ['name'], descending: false },
      ACTIVE: { description: 'By activity and size.', columns: ['active', 'size_bytes'], descending: true },
    },
    filter: {
      nameStarts: { type: 'String', sql: (p, v) => `starts_with(${p}.name, ${v})`, description: 'Begins so.' },
      score: { type: 'Int', column: 'score', list: true, description: 'Has one of these.' },
      mood: { type: Mood, column: 'mood', nullable: true, description: 'Feels so; null: unknown.' },
      paid: { type: 'Milliseconds', column: 'paid_ms', nullable: true, description: 'Paid; null: nothing.' },
      weight: { type: 'Float', column: 'weight', description: 'Weighs.' },
      has: { type: 'JSON', sql: (p, v) => `${p}.attributes @> ${v}`, description: 'Contains.' },
    },
  }),
  matters: many(() => Matter, 'Matters.', { orders: MATTER_ORDERS, filter: MATTER_FILTER, around: true, typeName: 'Matter' }),
  ownMatters: many(() => OwnMatter, 'The visitor\'s matters.', { orders: { ID: { description: 'By id.', columns: [], descending: false } } }),
  tallies: rows(() => Tally, 'Counts by medium.', {
    args: { media: { type: Medium, list: true, description: 'Of these only.' }, least: { type: 'Int', description: 'At least so many.', default: 0 } },
    prepare: (args) => {
      if (args.least < 0) throw new Refusal('INVALID_INPUT', 'least is not negative.', { field: ['least'] });
      return { shape: args.media ? 'media' : '', values: { least: { cast: 'int4', value: args.least ?? 0 }, ...(args.media ? { media: { cast: 'text[]', value: args.media } } : {}) } };
    },
    sql: (shape, param, workspace) => `select t.medium, count(*)::int as n, count(*)::float8 / 7 as share, (array_agg(t.id order by t.touched_at desc, t.id desc))[1] as latest_id
      from g_matters t where t.workspace_id = ${workspace}${shape ? ` and t.medium = any(${param('media')})` : ''} group by t.medium having count(*) >= ${param('least')} order by t.medium`,
  }),
  personByAddress: rows(() => Person, 'Whose address it is; null: nobody\'s.', {
    single: true, args: { value: { type: 'String', required: true, description: 'The address.' } },
    prepare: ({ value: text }) => ({ shape: '', values: { value: { cast: 'text', value: text } } }),
    sql: (_shape, param, workspace) => `select p.* from g_addresses a join g_people p on p.workspace_id = a.workspace_id and p.id = a.person_id where a.workspace_id = ${workspace} and a.value = ${param('value')} order by a.id limit 1`,
  }),
  cursor: rootLeaf('Cursor', (workspace) => `(select count(*) from g_words w where w.workspace_id = ${workspace})`, 'Where the log is.', { permission: 'events:read', compute: (n, viewer) => `v1.${n}.${viewer.workspaceId.slice(-4)}` }),
  moment: rootLeaf('DateTime', (workspace) => `(select max(w.said_at) from g_words w where w.workspace_id = ${workspace})`, 'The latest; null without any.', { permission: 'any', nullable: true }),
  role: custom('String', (_row, _args, context) => context.viewer.role, 'Of who asks.', { permission: 'any' }),
});

const NewWord = inputObject('NewWord', 'A word to say.', { body: { type: 'String', required: true, description: 'What.' }, saidAt: { type: 'DateTime', description: 'When; default: at the epoch.' } });
/** How often the action ran, retries of transactions not told apart. */
export const ran = { sayWords: 0 };
mutation('sayWords', {
  description: 'Says something in a matter.', permission: 'messages:send', idempotent: true, versioned: true,
  input: { matterId: { type: idOf('gma'), required: true, description: 'Where.' }, words: { type: NewWord, list: true, required: true, description: 'What.' }, fail: { type: 'String', description: 'Fails so.' } },
  payload: {
    matter: { type: () => Matter, description: 'The matter.' },
    words: { type: () => Word, list: true, description: 'The words.' },
    last: { type: () => Subject, description: 'The last.' },
    count: { type: 'Int', description: 'How many.' },
    results: { type: bulkRow('SayWordsResult', 'One of them.', { word: { type: () => Word, description: 'The word.' } }), list: true, description: 'Each.' },
  },
  run: async (tx, { viewer }, input) => {
    ran.sayWords++;
    const matter = uuidOf('gma', input.matterId);
    if (input.fail === 'bug') throw new Error('select secret from inside');
    if (input.fail) throw new Refusal('CONFLICT', 'It was changed.', { field: ['expectedVersion'] });
    const [address] = await tx`select address_id from g_matters where workspace_id = ${viewer.workspaceId} and id = ${matter}`;
    if (!address) throw new Refusal('NOT_FOUND', 'There is no such matter in this workspace.', { field: ['matterId'] });
    const ids: string[] = [];
    const results: Record<string, unknown>[] = [];
    for (const word of input.words) {
      if (word.body === '') {
        results.push({ userErrors: [new Refusal('INVALID_INPUT', 'Nothing is said.')] });
        continue;
      }
      const id = newId();
      await tx`insert into g_words (workspace_id, id, matter_id, sender_id, body, said_at, serial) values (${viewer.workspaceId}, ${id}, ${matter}, ${address.addressId}, ${word.body}, ${word.saidAt ?? '1970-01-01T00:00:00.000Z'}, 1)`;
      ids.push(id);
      results.push({ word: id });
    }
    return { matter, words: ids, last: ids.length ? { member: 'WORD', id: ids.at(-1) } : null, count: ids.length, results };
  },
});
subscription('wordSaid', {
  description: 'Words as they are said.', permission: 'messages:read', fromLog: true, args: { matterId: { type: idOf('gma'), description: 'Only there.' } },
  payload: { word: { type: () => Word, description: 'The word.' }, by: { type: 'String', nullable: true, description: 'By whom; null: unknown.' } },
  async *subscribe (args, { parts }) {
    if (args.after === 'bad') throw new Refusal('INVALID_CURSOR', 'No cursor.');
    for (const id of parts.words as string[]) yield { cursor: `c${id.slice(-2)}`, values: { word: id, by: null } };
  },
});

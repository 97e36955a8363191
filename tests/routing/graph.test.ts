import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LogEvent } from '../../src/events/catalog.ts';
import { openLog } from '../../src/events/log.ts';
import { sequenceOnce } from '../../src/events/sequencer.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { route } from '../../src/routing/route.ts';
import { act } from '../crm/people.ts';
import { desk, viewerOf, type Desk } from '../desk/graph.ts';
import { world } from '../desk/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let d: Desk;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
  d = await desk(db);
});
afterAll(async () => {
  await d.close();
  await db.close();
});

test('rules are made by the API, and a conversation shows where it was sent and why', async () => {
  const w = await world(db);
  const viewer = viewerOf({ ...w.actor, kind: 'API_KEY', id: newId() });
  const mutate = async (name: string, input: object, fields: string) =>
    (await d.answer(viewer, `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} userErrors { code message field } } }`, { input })).data[name];
  const { queue } = await mutate('createQueue', { name: 'Refunds' }, 'queue { id }');
  const { businessHours } = await mutate('createBusinessHours', { name: 'Office', timeZone: 'Europe/Amsterdam', hours: [1, 2, 3, 4, 5, 6, 7].map((day) => ({ day, from: '00:00', to: '24:00' })) }, 'businessHours { id }');
  const rule = 'routingRule { id position name enabled version conditions { channelIn tierIn textContainsAny businessHours { id } businessHoursState } actions { queue { id } priority addTags } }';
  const first = await mutate('createRoutingRule', { name: 'Never', conditions: { tierIn: ['gold'] }, actions: {} }, rule);
  const second = await mutate('createRoutingRule', {
    name: 'Refund', conditions: { channelIn: ['SMS'], textContainsAny: ['refund'], businessHours: { id: businessHours.id, state: 'OPEN' } }, actions: { queueId: queue.id, priority: 'HIGH', addTags: ['money back'] },
  }, rule);
  expect(second.userErrors).toEqual([]);
  expect(second.routingRule).toMatchObject({
    position: 1, enabled: true, conditions: { channelIn: ['SMS'], tierIn: null, textContainsAny: ['refund'], businessHours: { id: businessHours.id }, businessHoursState: 'OPEN' },
    actions: { queue: { id: queue.id }, priority: 'HIGH', addTags: ['money back'] },
  });
  expect(first.routingRule.actions).toEqual({ queue: null, priority: null, addTags: [] });

  const { conversationId } = await w.say('SMS', '+31612345678', 'Refund!');
  while ((await sequenceOnce(db.system)) > 0);
  for (const event of await db.system<LogEvent[]>`select * from events where kind = 'message.received' and workspace_id = ${w.actor.workspaceId}`) await act(db.app, w.actor, (tx) => route(tx, event));
  const { conversation, routingRules } = await d.ask(viewer, `{
    conversation(id: "${publicId('cnv', conversationId!)}") { queue { name } priority tags routingDecisions { nodes { rule { name } ruleVersion queue { name } priority reasons { name matched because rule { name } } } } }
    routingRules(filter: { enabled: true }) { nodes { name } }
  }`);
  expect(conversation).toEqual({
    queue: { name: 'Refunds' }, priority: 'HIGH', tags: ['money back'],
    routingDecisions: { nodes: [{
      rule: { name: 'Refund' }, ruleVersion: 1, queue: { name: 'Refunds' }, priority: 'HIGH',
      reasons: [
        { name: 'Never', matched: false, because: ['the tier is not known, and must be one of "gold"'], rule: { name: 'Never' } },
        { name: 'Refund', matched: true, because: ['the channel is SMS', 'the text has "refund"', 'the business hours are OPEN'], rule: { name: 'Refund' } },
      ],
    }] },
  });
  expect(routingRules.nodes.map((r: any) => r.name)).toEqual(['Never', 'Refund']);

  const reordered = await mutate('reorderRoutingRules', { routingRuleIds: [second.routingRule.id, first.routingRule.id] }, 'routingRules { name position }');
  expect(reordered.routingRules).toEqual([{ name: 'Refund', position: 0 }, { name: 'Never', position: 1 }]);
  const disabled = await mutate('updateRoutingRule', { routingRuleId: first.routingRule.id, enabled: false, conditions: {} }, rule);
  expect(disabled.routingRule).toMatchObject({ enabled: false, conditions: { tierIn: null } });
  expect((await mutate('createRoutingRule', { name: 'x', conditions: { textContainsAny: [''] }, actions: {} }, rule)).userErrors).toMatchObject([{ code: 'INVALID_INPUT', field: ['conditions', 'textContainsAny', '0'] }]);
  expect((await d.answer(viewerOf(viewer.actor, 'AGENT'), 'mutation { reorderRoutingRules(input: { routingRuleIds: [] }) { userErrors { code } } }')).errors[0]!.code).toBe('FORBIDDEN');
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/access/viewer.ts';
import { openLog } from '../../src/events/log.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { desk, viewerOf, type Desk } from '../desk/graph.ts';
import { world, type World } from '../desk/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let d: Desk;
let w: World;
let viewer: Viewer;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
  d = await desk(db);
  w = await world(db);
  viewer = viewerOf(w.actor);
  // Around midnight in Amsterdam, of the night in which the clocks go forward.
  await w.say('EMAIL', 'ada@example.com', 'late', { at: '2026-03-28T22:59:59.999Z' });
  await w.say('EMAIL', 'ada@example.com', 'early', { at: '2026-03-28T23:00:00.000Z' });
  await w.say('SMS', '+31612345678', 'hi', { at: '2026-03-29T21:59:59.999Z' });
  await w.say('SMS', '+31612345678', 'later', { at: '2026-03-29T22:00:00.000Z' });
  await w.say('EMAIL', 'old@example.com', 'imported', { at: '2026-03-29T12:00:00.000Z', historical: true });
});
afterAll(async () => {
  await d.close();
  await db.close();
});

const RANGE = 'range: { from: "2026-03-28T00:00:00.000Z", to: "2026-03-31T00:00:00.000Z" }';
const stats = async (args: string, fields: string, as = viewer) => (await d.ask(as, `{ conversationStats(${RANGE}, ${args}) { ${fields} } }`)).conversationStats;
const behind = async (args: string, fields = 'cursor message { text }', as = viewer) => (await d.ask(as, `{ conversationStatsRows(${RANGE}, ${args}) { ${fields} } }`)).conversationStatsRows;

describe('conversationStats', () => {
  test('days begin at local midnight, the short day of the clock change too, and history counts', async () => {
    const rows = await stats('by: [DAY], timeZone: "Europe/Amsterdam"', 'day channel messagesIn uniqueCustomers');
    expect(rows).toEqual([
      { day: '2026-03-28', channel: null, messagesIn: 1, uniqueCustomers: 1 },
      { day: '2026-03-29', channel: null, messagesIn: 3, uniqueCustomers: 3 },
      { day: '2026-03-30', channel: null, messagesIn: 1, uniqueCustomers: 1 },
      { day: '2026-03-31', channel: null, messagesIn: 0, uniqueCustomers: 0 },
    ]);
    const utc = await stats('by: [DAY]', 'day messagesIn');
    expect(utc.map((row: any) => [row.day, row.messagesIn])).toEqual([['2026-03-28', 2], ['2026-03-29', 3], ['2026-03-30', 0]]);
  });

  test('what a figure counts is listed, in pages, and a message is what it was', async () => {
    const [mail] = (await stats('by: [CHANNEL]', 'channel messagesIn')).filter((row: any) => row.channel === 'EMAIL');
    expect(mail.messagesIn).toBe(3);
    const texts: string[] = [];
    for (let after = ''; ; ) {
      const page = await behind(`figure: MESSAGES_IN, channel: EMAIL, first: 2${after}`);
      if (page.length === 0) break;
      texts.push(...page.map((row: any) => row.message.text));
      after = `, after: "${page.at(-1).cursor}"`;
    }
    expect(texts).toEqual(['late', 'early', 'imported']);
    expect((await behind('figure: MESSAGES_IN, day: "2026-03-29", timeZone: "Europe/Amsterdam"')).map((row: any) => row.message.text)).toEqual(['early', 'imported', 'hi']);
    expect(await behind('figure: MESSAGES_IN, channel: null')).toEqual([]);
    expect(await behind('figure: MESSAGES_IN, queueId: null')).toHaveLength(5);
    expect(await behind('figure: UNIQUE_CUSTOMERS', 'customer { id } conversation { id } message { id }')).toHaveLength(3);
  });

  test('what makes no sense is refused with the argument at fault', async () => {
    const bad: [string, string, string][] = [
      ['conversationStats', 'range: { from: "2026-03-31T00:00:00.000Z", to: "2026-03-31T00:00:00.000Z" }', 'INVALID_INPUT'],
      ['conversationStats', 'by: [DAY], range: { from: "2024-01-01T00:00:00.000Z", to: "2026-01-01T00:00:00.000Z" }', 'INVALID_INPUT'],
      ['conversationStats', `${RANGE}, timeZone: "Mars/Olympus"`, 'INVALID_INPUT'],
      ['conversationStats', `${RANGE}, timeZone: "+02:00"`, 'INVALID_INPUT'],
      ['conversationStatsRows', `figure: MESSAGES_IN, ${RANGE}, day: "2026-02-30"`, 'INVALID_INPUT'],
      ['conversationStatsRows', `figure: MESSAGES_IN, ${RANGE}, first: 501`, 'INVALID_INPUT'],
      ['conversationStatsRows', `figure: MESSAGES_IN, ${RANGE}, after: "nonsense"`, 'INVALID_CURSOR'],
      ['conversationStatsRows', `figure: MESSAGES_IN, ${RANGE}, queueId: "${publicId('cnv', newId())}"`, 'INVALID_ID'],
    ];
    for (const [field, args, code] of bad) {
      const { errors } = await d.answer(viewer, `{ ${field}(${args}) { __typename } }`);
      expect([field, args, errors[0]?.code]).toEqual([field, args, code]);
    }
  });

  test('a reporting key may count and list customers, but neither read messages nor see another workspace', async () => {
    const reporting = viewerOf(w.actor, 'REPORTING');
    expect(await stats('by: []', 'messagesIn', reporting)).toEqual([{ messagesIn: 5 }]);
    expect(await behind('figure: UNIQUE_CUSTOMERS', 'customer { id }', reporting)).toHaveLength(3);
    expect((await d.answer(reporting, `{ conversationStatsRows(figure: MESSAGES_IN, ${RANGE}) { message { id } } }`)).errors[0]).toMatchObject({ code: 'FORBIDDEN' });
    expect((await d.answer(viewerOf(w.actor, 'INTEGRATOR'), `{ conversationStats(${RANGE}) { messagesIn } }`)).errors[0]).toMatchObject({ code: 'FORBIDDEN' });
    expect(await stats('by: []', 'messagesIn', viewerOf((await world(db)).actor))).toEqual([{ messagesIn: 0 }]);
  });
});

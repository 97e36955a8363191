// More than a server can answer in time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Admission, UNDERWAY_ALWAYS } from '../../src/server/admission.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

describe('What is taken on', () => {
  /** Takes on what it may; returns how to leave each. */
  const filled = (admission: Admission): (() => void)[] => {
    const leaving: (() => void)[] = [];
    for (;;) {
      try {
        leaving.push(admission.enter());
      } catch {
        return leaving;
      }
    }
  };
  /** Seconds in which it answered `perSecond`, with as much to do as it takes on. */
  function after(perSecond: number, seconds: number): number {
    let now = 0;
    const admission = new Admission(() => now);
    const leaving = filled(admission);
    for (let i = 0; i < perSecond * seconds; i++) {
      now += 1_000 / perSecond;
      leaving.shift()!();
      leaving.push(...filled(admission));
    }
    admission.close();
    return admission.underway;
  }

  it('is what the pace of the last answers can do within a second, and never less than a hundred', () => {
    expect(after(2_000, 10)).toBeCloseTo(2_000, -2);
    expect(after(5, 120)).toBe(UNDERWAY_ALWAYS);
  });

  it('is not lowered by answers that come while there is little to do', () => {
    let now = 0;
    const admission = new Admission(() => now);
    const before = filled(admission);
    for (const leave of before) leave();
    for (let i = 0; i < 1_000; i++) {
      const leave = admission.enter();
      now += 1_000;
      leave();
    }
    expect(filled(admission)).toHaveLength(before.length);
    admission.close();
  });

  it('is left once', () => {
    const admission = new Admission(() => 0);
    const leave = admission.enter();
    leave();
    leave();
    expect(admission.underway).toBe(0);
    admission.close();
  });
});

describe('A server that has as much under way as it can answer in time', () => {
  const NOTE = 'mutation ($id: ID!) { addNote(input: { customerId: $id, body: "x" }) { note { id } userErrors { code message } } }';
  let server: TestServer;
  let ours: TestWorkspace;
  let id: string;
  beforeAll(async () => {
    server = await startTestServer();
    ours = await server.workspace();
    id = (await server.ask('mutation { upsertCustomer(input: { identity: { kind: EMAIL, value: "ada@customers.example" } }) { customer { id } userErrors { message } } }', {}, ours.keys.ADMIN)).upsertCustomer.customer.id;
    await server.ask('mutation { updateWorkspace(input: { allowedOrigins: ["https://desk.example"] }) { workspace { id } userErrors { message } } }', {}, ours.keys.ADMIN);
  });
  afterAll(() => server.stop());

  it('refuses what comes more with OVERLOADED and when to come again, over both transports, and answers all that it took on', async () => {
    const underway = async (): Promise<number> => Number(/^throughline_operations_underway (\d+)$/m.exec(await (await fetch(`${server.address}/metrics`)).text())![1]);
    const socket = server.socket(ours.keys.ADMIN);
    await socket.open;
    const asked: Promise<{ status: number; data: any }>[] = [];
    await server.db.owner.begin(async (tx) => {
      await tx`lock table notes in share row exclusive mode`;
      for (let taken = 0; taken < 500; taken += 50) {
        asked.push(...Array.from({ length: 50 }, () => server.query(NOTE, { id }, ours.keys.ADMIN)));
        await expect.poll(underway, { timeout: 10_000 }).toBe(taken + 50);
      }
      const refused = await fetch(`${server.address}/graphql`, {
        method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ours.keys.ADMIN}`, origin: 'https://desk.example' }, body: '{"query":"{ cursor }"}',
      });
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(refused.headers.get('access-control-allow-origin')).toBe('https://desk.example');
      expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'OVERLOADED' } }] });
      await expect(socket.run('{ cursor }')).resolves.toMatchObject({ errors: [{ extensions: { code: 'OVERLOADED' } }] });
    });
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status, data }) => status !== 200 || !data.addNote.note)).toEqual([]);
    await expect.poll(underway).toBe(0);
    expect((await server.query('{ cursor }', {}, ours.keys.ADMIN)).status).toBe(200);
    await socket.close();
  }, 60_000);
});

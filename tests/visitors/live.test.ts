// What reaches a visitor while it happens.
import { describe, expect, test } from 'vitest';
import type { Frames } from '../../src/realtime/execute.ts';
import { HISTORY, agentSays, openShop, send, start, world } from './world.ts';

openShop();

describe('live', () => {
  const EVENTS = `subscription ($after: Cursor) { visitorEvents(after: $after) { kind cursor message { text author isSeen } conversation { status } } }`;
  const subscribe = async (token: string, after?: string): Promise<Frames> => {
    const { document } = world.chat.graph.read(EVENTS);
    const frames = await world.chat.executor.subscribe({ document: document!, variables: { after }, viewer: await world.chat.viewer(token) });
    if (!('next' in frames)) throw new Error(JSON.stringify(frames));
    return frames;
  };
  const next = async (frames: Frames) => {
    const { data, errors } = JSON.parse((await frames.next()).value!.text);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.visitorEvents;
  };

  test('tells a visitor what happens on his side and nothing else, and goes on where it was', async () => {
    const [mine, neighbour] = [await start(), await start()];
    const first = await send(mine.token, 'c0', 'Hello');
    const other = await send(neighbour.token, 'c0', 'Hello too');
    const { cursor } = await world.chat.run(mine.token, HISTORY);
    const frames = await subscribe(mine.token, cursor);
    const seen: any[] = [];
    const collect = async (count: number) => {
      while (seen.length < count) seen.push(await next(frames));
    };
    // What was written just before may not have been numbered when the cursor was read: then it comes here.
    await agentSays(other.conversation.id, 'For the neighbour');
    await send(neighbour.token, 'c1', 'Neighbour again');
    const answer = await agentSays(first.conversation.id, 'For me');
    await send(mine.token, 'c1', 'Thanks');
    while (!seen.some((e) => e.message?.text === 'Thanks')) await collect(seen.length + 1);
    const texts = seen.filter((e) => e.kind === 'MESSAGE').map((e) => e.message.text);
    expect(texts.slice(-2)).toEqual(['For me', 'Thanks']);
    expect(JSON.stringify(seen)).not.toMatch(/neighbour/i);

    const place = seen.at(-1).cursor as string;
    await frames.return();
    await world.chat.run(mine.token, `mutation ($input: MarkVisitorSeenInput!) { markVisitorSeen(input: $input) { userErrors { code } } }`, { input: { clientId: 's1', messageId: answer.replace('msg_', 'vmg_') } });
    await world.chat.run(world.shop.admin, `mutation ($input: SetConversationStatusInput!) { setConversationStatus(input: $input) { userErrors { code message } } }`, { input: { conversationId: first.conversation.id.replace('vcn_', 'cnv_'), status: 'CLOSED' } });
    const later = await subscribe(mine.token, place);
    let event = await next(later);
    while (event.kind !== 'CONVERSATION_CHANGED') {
      expect(event).toMatchObject({ kind: 'MESSAGE_CHANGED' });
      event = await next(later);
    }
    expect(event.conversation.status).toBe('CLOSED');
    await later.return();
  });
});

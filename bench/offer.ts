// Requests that come when they come, whether or not those before them were answered: what a load generator that waits for answers can't show.
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { opened, Reader } from './load.ts';

export interface Offer {
  address: string;
  requests: () => Buffer;
  perSecond: number;
  seconds: number;
  /** Somebody who waited so long for his answer has gone. */
  deadlineMs: number;
  /** Open from the beginning, as clients keep them; who finds none that is free has gone at once. */
  connections: number;
}
export interface Offered {
  offered: number;
  /** Answered in time, and well. */
  good: number;
  /** Of these, how many while requests came: what is answered after the last of them says nothing of a second under load. */
  goodMeanwhile: number;
  /** Told to come again. */
  refused: number;
  /** Answered well when its sender had gone. */
  late: number;
  /** Never answered, or never sent. */
  lost: number;
  latenciesMs: Float64Array;
  /** The first answer that was neither good nor a refusal. */
  fault: string | null;
}

const TICK_MS = 4;
const OPENED_AT_ONCE = 50;

export async function offer(o: Offer): Promise<Offered> {
  const { hostname, port } = new URL(o.address);
  const out = { offered: 0, good: 0, goodMeanwhile: 0, refused: 0, late: 0, lost: 0, fault: null as string | null };
  const latencies: number[] = [];
  const all = new Set<Socket>();
  const idle: ((sentAt: number) => void)[] = [];
  let answers = 0;
  let endsAt = Infinity;

  function use(socket: Socket): (sentAt: number) => void {
    const reader = new Reader();
    let sentAt = 0;
    const send = (at: number) => {
      sentAt = at;
      socket.write(o.requests());
    };
    socket.on('data', (chunk: Buffer) => {
      const answer = reader.read(chunk);
      if (!answer) return;
      answers++;
      const took = performance.now() - sentAt;
      if (answer.status === 503) out.refused++;
      else if (answer.status !== 200 || answer.body.subarray(0, 12).includes('"errors"')) out.fault ??= `${answer.status} ${answer.body.toString('utf8', 0, 500)}`;
      else if (took > o.deadlineMs) out.late++;
      else {
        out.good++;
        if (performance.now() < endsAt) out.goodMeanwhile++;
        latencies.push(took);
      }
      idle.push(send);
    });
    socket.on('error', () => {});
    socket.on('close', () => all.delete(socket));
    return send;
  }

  for (let count = 0; count < o.connections; count += OPENED_AT_ONCE) {
    for (const socket of await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, o.connections - count) }, () => opened(hostname, Number(port))))) {
      all.add(socket);
      idle.push(use(socket));
    }
  }
  const began = performance.now();
  endsAt = began + o.seconds * 1000;
  while (performance.now() < endsAt) {
    const due = Math.floor(((performance.now() - began) / 1000) * o.perSecond);
    for (; out.offered < due; out.offered++) {
      idle.pop()?.(performance.now());
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const end = performance.now() + o.deadlineMs;
  while (answers < out.offered && performance.now() < end && idle.length < all.size) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  for (const socket of all) socket.destroy();
  return { ...out, lost: out.offered - answers, latenciesMs: Float64Array.from(latencies).sort() };
}

// Calls while they happen: what FreeSWITCH's event socket tells is handed on as if it had been posted, an event a request.
import type { Account, Listening } from '../channel.ts';
import { OutgoingError, type HttpClient } from '../../platform/http.ts';
import { CALL_EVENTS } from './event.ts';
import { EventSocket, EventSocketError } from './event-socket.ts';
import type { FreeswitchSecrets, FreeswitchSettings } from './settings.ts';

type Credential = Pick<Account<FreeswitchSettings, FreeswitchSecrets>, 'settings' | 'secrets'>;

export function listenTo(account: Credential): Listening | null {
  const { eventSocket } = account.settings;
  if (!eventSocket) return null;
  return {
    to: `${eventSocket.host}:${eventSocket.port}`,
    async run({ http, opened, received, signal }) {
      const socket = await EventSocket.open(await addressedSocket(account, http));
      const close = (): void => socket.close();
      signal.addEventListener('abort', close, { once: true });
      try {
        if (signal.aborted) return;
        await socket.follow([...CALL_EVENTS, 'HEARTBEAT'], (json) => {
          if (isHeartbeat(json)) return;
          const taken = received({ method: 'EVENT', url: '', headers: { 'content-type': 'application/json' }, body: json });
          if (!taken) return;
          socket.pause();
          void taken.finally(() => socket.resume());
        });
        opened();
        const error = await socket.ended;
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener('abort', close);
        socket.close();
      }
    },
  };
}

/** Where to connect, by the address that was judged. @throws EventSocketError */
export async function addressedSocket({ settings, secrets }: Credential, http: HttpClient): Promise<{ address: string; port: number; password: string }> {
  const { host, port } = settings.eventSocket!;
  if (secrets.eventSocketPassword === undefined) throw new EventSocketError('The secret eventSocketPassword is missing.', true);
  try {
    return { address: await http.addressOf(host), port, password: secrets.eventSocketPassword };
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    throw new EventSocketError(`The event socket can't be connected to: ${error.message}${error.code === 'PRIVATE_ADDRESS' ? ' Name it in OUTGOING_ALLOW.' : ''}`, error.code === 'PRIVATE_ADDRESS');
  }
}

/** It comes every 20 seconds, and shows that the line is alive. The name stands first in an event. */
const isHeartbeat = (json: Buffer): boolean => /"Event-Name"\s*:\s*"HEARTBEAT"/.test(json.subarray(0, 100).toString('latin1'));

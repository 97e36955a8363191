// Live chat: visitors of the shop's pages, who log in.
import type { Api } from './api.ts';
import { ownWay } from './own-protocol.ts';
import type { Way } from './way.ts';

export const liveChatWay = (api: Api): Promise<Way> => ownWay(api, { channel: 'LIVE_CHAT', name: 'Chat (sandbox)', beginsUnknown: true });

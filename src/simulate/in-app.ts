// In-app messages: users of the shop's app, whom it knows before they write.
import type { Api } from './api.ts';
import { ownWay } from './own-protocol.ts';
import type { Way } from './way.ts';

export const inAppWay = (api: Api): Promise<Way> => ownWay(api, { channel: 'IN_APP', name: 'App (sandbox)', beginsUnknown: false });

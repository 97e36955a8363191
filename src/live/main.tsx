// The page `/live`: a visitor's chat at the left, the agent's inbox and the conversation at the right. Both sides ask /graphql, as anybody's
// page could: the agent by the canonical operations (schema/operations), the visitor by the chat client.
import './app.css';
import { createRoot } from 'react-dom/client';
import { Api } from './api.ts';
import { App } from './app.tsx';
import { beginAgain, beginning } from './beginning.ts';
import { Desk } from './desk.ts';
import { showTheme } from './theme.tsx';
import { Visitor } from './visitor.ts';

const { memberToken, publishableKey } = beginning(document);
const url = `${location.origin}/graphql`;
const desk = new Desk(new Api({ url, token: memberToken, renew: async () => (await beginAgain()).memberToken }));
const visitor = new Visitor(new Api({ url, token: publishableKey, renew: async () => publishableKey }), { url, publishableKey });

showTheme();
createRoot(document.getElementById('root')!).render(<App desk={desk} visitor={visitor} />);
void desk.start();
visitor.start().catch((error: Error) => visitor.set({ refusal: error.message }));

// `/live`: a visitor's chat and an agent's screen side by side, on the demo workspace. Given only to who sits at the machine, and only while
// there is a demo: everywhere else the address holds nothing. The page is src/live, bundled when it is first asked for; it calls /graphql
// and nothing else, as a member of the demo by a token that it is given, and as a visitor by the chat's publishable key.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { createMemberToken, publishableKey } from '../access/tokens.ts';
import { systemActor } from '../access/viewer.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { uuidOf } from '../platform/ids.ts';
import type { Demo } from './demo.ts';
import { liveBundle } from './live-bundle.ts';
import { isOnTheMachine } from './loopback.ts';

export interface LivePageParts {
  app: Sql;
  /** Null: this data has no demo, or its keys may not be shown. */
  demo: () => Demo | null;
}

/** Only files of this server, no inline script or style, no frame around it; the socket is of the same origin. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function addLivePage(server: FastifyInstance, parts: LivePageParts): void {
  server.get('/live', async (request, reply) => {
    const demo = isOnTheMachine(request) ? parts.demo() : null;
    if (demo === null) return nothing(reply);
    return secured(reply).header('content-security-policy', POLICY).type('text/html; charset=utf-8').send(page(await beginning(parts.app, demo)));
  });
  for (const [name, type] of Object.entries(FILES)) {
    server.get(`/live/${name}`, async (request, reply) => {
      if (!isOnTheMachine(request) || parts.demo() === null) return nothing(reply);
      return secured(reply).type(type).send((await liveBundle())[name as keyof typeof FILES]);
    });
  }
}

const FILES = { 'app.js': 'text/javascript; charset=utf-8', 'app.css': 'text/css; charset=utf-8', 'icon.svg': 'image/svg+xml' } as const;

/** What the page begins with; see src/live/beginning.ts, which reads it. */
async function beginning(app: Sql, { workspaceId, ids }: Demo): Promise<Record<string, string>> {
  const { token } = await inWorkspace(app, workspaceId, (tx) => createMemberToken(tx, systemActor(workspaceId), { memberId: uuidOf('mem', ids.member)! }));
  return { memberToken: token, publishableKey: publishableKey(workspaceId, uuidOf('cha', ids.chatAccount)!) };
}

const page = (given: Record<string, string>): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Throughline live</title>
<link rel="icon" href="/live/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/live/app.css">
<script type="module" src="/live/app.js"></script>
</head>
<body>
<div id="root" ${Object.entries(given).map(([name, value]) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}="${value}"`).join(' ')}></div>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`;

const secured = (reply: FastifyReply): FastifyReply =>
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin' });

const nothing = (reply: FastifyReply): FastifyReply => reply.code(404).send({ error: { code: 'NOT_FOUND', message: 'There is nothing here; the API is at /graphql.' } });

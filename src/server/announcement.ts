// What a start prints: addresses, and on loopback the demo's key with something to try.
import type { Server } from './start.ts';

export function announcement({ address, smtpPort, demo }: Server): string {
  const lines = ['', '  Throughline is ready.', '', `  API and IDE   ${address}/graphql`, `  WebSocket     ${address.replace(/^http/, 'ws')}/graphql`];
  if (smtpPort !== null) lines.push(`  Mail          smtp://${new URL(address).hostname}:${smtpPort}`);
  lines.push(`  Health        ${address}/readyz   ${address}/metrics`);
  if (demo) {
    const query = '{ customer(id: \\"' + demo.ids.customer + '\\") { name conversations { nodes { channels status } } } }';
    lines.push('', '  Demo workspace: Acme Ceramics. Ada Lovelace chatted on Monday, mailed on Thursday, and her call rings now.', `  See it live   ${address}/live`, `  Admin key     ${demo.adminKey}`, '', '  Try it:',
      `    curl -s ${address}/graphql -H 'authorization: Bearer ${demo.adminKey}' \\`, `      -H 'content-type: application/json' -d '{"query":"${query}"}'`);
  }
  return [...lines, ''].join('\n');
}

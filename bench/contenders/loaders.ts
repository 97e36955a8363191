// Our server with its compiled path switched off, everything else as ever: how fast the fallback is.
import { readConfig } from '../../src/platform/config.ts';
import { startServer } from '../../src/server/start.ts';

const server = await startServer({ config: readConfig(process.env), path: 'loaders' });
console.log(`ready ${server.address}`);
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));

import { startTarget } from './start-target.js';

const target = await startTarget({ port: Number(process.env.PORT ?? 0) });
process.stdout.write(`${JSON.stringify({ url: target.url, port: target.port })}\n`);
process.on('SIGTERM', () => void target.close().then(() => process.exit(0)));
process.on('SIGINT', () => void target.close().then(() => process.exit(0)));

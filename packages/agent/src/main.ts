import { runAgent } from './run-agent.js';

process.exit(await runAgent(process.argv.slice(2), process.env));

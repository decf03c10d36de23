import { runAgent } from './run-agent.js';

process.exitCode = await runAgent(process.argv.slice(2), process.env);

import { runBroker } from './run-broker.js';

process.exitCode = await runBroker(process.argv.slice(2), process.env);

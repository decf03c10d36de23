import { runAgent } from '@muster/agent';

/** The same program as `muster-agent`. */
export const agentCommand = (argv: readonly string[]): Promise<number> => runAgent(argv, process.env);

import { runBroker } from '@muster/broker';

/** The same program as `muster-broker`. */
export const brokerCommand = (argv: readonly string[]): Promise<number> => runBroker(argv, process.env);

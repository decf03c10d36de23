import type { OriginalRunOptions } from './original-client.js';

/**
 * What is run, by the names of the original's command line, which its agents and its metadata use. `hits` and `users`
 * go as lists of numbers: text of more than one digit would be read digit by digit by its Python.
 */
export const runArguments = (options: OriginalRunOptions): Readonly<Record<string, unknown>> => {
  const { durationS, hits } = options;
  const given: Readonly<Record<string, unknown>> = {
    fqn: options.fqn,
    test_runner: options.testRunner,
    users: options.users ?? [1],
    hits: durationS === undefined ? (hits ?? [1]) : undefined,
    duration: durationS,
    agents: options.agents,
    external_process_timeout: options.processTimeoutS ?? 2,
    server_url: options.serverUrl,
    project_name: options.projectName ?? 'N/A',
    user_id: options.userId ?? 'undefined',
    observer: options.observers ?? [],
    ...options.args,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
};

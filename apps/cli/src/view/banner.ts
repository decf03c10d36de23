/** What a run begins with: where, what and which. */
export const runBanner = (what: 'script' | 'command', name: string, run: string, broker: string | null): string =>
  [
    `  execution: ${broker === null ? 'own cluster on this machine' : `cluster of ${broker}`}`,
    `${what.padStart(11)}: ${name}`,
    `        run: ${run}`,
    '',
  ].join('\n');

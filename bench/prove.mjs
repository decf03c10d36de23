// Proves a figure: `npm run prove -- NAME`. Three repetitions, everything that is compared in the same repetition,
// medians and ratios; the result goes to bench/results/NAME.json with the machine's name.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

const names = readdirSync(new URL('./proofs/', import.meta.url)).map((file) => file.replace(/\.mjs$/, ''));
const name = process.argv[2];
if (!names.includes(name)) {
  console.error(`give one of: ${names.join(', ')}`);
  process.exit(104);
}

const REPETITIONS = Number(process.env.MUSTER_PROVE_REPETITIONS ?? 3);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const { prove, judge } = await import(`./proofs/${name}.mjs`);
const repetitions = [];
for (let n = 1; n <= REPETITIONS; n += 1) {
  console.log(`\nrepetition ${n} of ${REPETITIONS}`);
  const measured = await prove({ say: (text) => console.log(`  ${text}`) });
  repetitions.push(measured);
  console.log(`  ${JSON.stringify(measured)}`);
}
const figures = Object.fromEntries(
  Object.keys(repetitions[0]).map((key) => [key, median(repetitions.map((each) => each[key]))]),
);
const verdicts = judge(figures);
const result = {
  name,
  at: new Date().toISOString(),
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  repetitions,
  medians: figures,
  verdicts,
};
mkdirSync(new URL('./results/', import.meta.url), { recursive: true });
writeFileSync(new URL(`./results/${name}.json`, import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
console.log('\nmedians');
for (const [key, value] of Object.entries(figures))
  console.log(`  ${key.padEnd(36)} ${Math.round(value * 1_000) / 1_000}`);
for (const each of verdicts) console.log(`  ${each.ok ? '✓' : '✗'} ${each.what}`);
process.exit(verdicts.every((each) => each.ok) ? 0 : 1);

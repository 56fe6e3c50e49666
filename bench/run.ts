// `npm run bench` runs all benchmarks, `npm run bench -- append` one. See docs/benchmarks.md.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../scripts/launcher/install.mjs';
import { drawCharts } from './charts.ts';
import { BENCHMARKS, type Benchmark } from './support/measuring/benchmark.ts';
import { describeMachine } from './support/measuring/machine.ts';
import { print, save } from './support/measuring/report.ts';
import { startPostgres } from './support/running/postgres.ts';

const say = (line: string) => console.error(line);
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, quick: { type: 'boolean', default: false } },
});
const { quick } = values;
const rounds = quick ? 1 : Number(values.rounds);
const unknown = positionals.filter((name) => !BENCHMARKS.includes(name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  say(`Usage: npm run bench -- [${BENCHMARKS.join('] [')}] [--rounds 5] [--quick]`);
  process.exit(2);
}

// The peers' packages are in a separate package.json, so that users of the product need not install them.
await ensureInstalled(fileURLToPath(new URL('.', import.meta.url)), fileURLToPath(import.meta.url), say);

const postgres = await startPostgres(say);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // Whoever is being measured loses its database now, and may say so.
    process.on('uncaughtException', () => {});
    postgres.release().finally(() => process.exit(130));
  });
}
let met = true;
try {
  const machine = await describeMachine(postgres.version);
  say(
    `${machine.cpu}, ${machine.cores} cores, load ${machine.load}; Node ${machine.node}, Postgres ${machine.postgres}`,
  );
  for (const name of BENCHMARKS.filter((name) => positionals.length === 0 || positionals.includes(name))) {
    say(`${name} …`);
    const { benchmark } = (await import(`./${name}.ts`)) as { readonly benchmark: Benchmark };
    const result = await benchmark.run({ postgres, rounds, seconds: quick ? 2 : 5, quick, say });
    print(result);
    // A quick look is no figure.
    if (!quick) await save(result, machine, `npm run bench -- ${name} --rounds ${rounds}`);
    met &&= result.goals.every((goal) => goal.met);
  }
} finally {
  await postgres.release();
}
// So that what is shown is always what was measured last.
if (!quick) await drawCharts(say);
process.exitCode = met ? 0 : 1;

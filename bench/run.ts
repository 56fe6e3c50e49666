// `npm run bench` runs all benchmarks, `npm run bench -- append` one. See docs/benchmarks.md.
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { ensureInstalled } from '../scripts/launcher/install.mjs';
import { drawCharts } from './charts.ts';
import { benchRun } from './support/measuring/arguments.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { describeMachine } from './support/measuring/machine.ts';
import { print, save } from './support/measuring/report.ts';
import { startPostgres } from './support/running/postgres.ts';

const say = (line: string) => console.error(line);
const run = benchRun(process.argv.slice(2));
if ('usage' in run) {
  say(run.usage);
  process.exit(run.code);
}
const { names, rounds, quick } = run;

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
let isGood = true;
try {
  const machine = await describeMachine(postgres.version);
  say(
    `${machine.cpu}, ${machine.cores} cores, load ${machine.load}; Node ${machine.node}, Postgres ${machine.postgres}`,
  );
  for (const name of names) {
    say(`${name} …`);
    try {
      const { benchmark } = (await import(`./${name}.ts`)) as { readonly benchmark: Benchmark };
      const result = await benchmark.run({ postgres, rounds, seconds: quick ? 2 : 5, quick, say });
      print(result);
      // A quick look is no figure.
      if (!quick) await save(result, machine, `npm run bench -- ${name} --rounds ${rounds}`);
      isGood &&= result.goals.every((goal) => goal.met);
    } catch (error) {
      // The results of the others are worth having.
      say(`${name} broke, and has no result: ${inspect(error)}`);
      isGood = false;
    }
  }
} finally {
  await postgres.release();
}
// So that what is shown is always what was measured last.
if (!quick) await drawCharts(say);
process.exitCode = isGood ? 0 : 1;

// `npm run bench` runs all benchmarks, `npm run bench -- append` one. See docs/benchmarks.md.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../scripts/launcher/install.mjs';
import { describeMachine } from './support/machine.ts';
import { startPostgres } from './support/postgres.ts';
import { print, save } from './support/report.ts';

const say = (line: string) => console.error(line);
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, quick: { type: 'boolean', default: false } },
});
const rounds = values.quick ? 1 : Number(values.rounds);
const known = ['append', 'replay', 'catch-up'] as const;
const unknown = positionals.filter((name) => !known.some((benchmark) => benchmark === name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  say(`Usage: npm run bench -- [${known.join('] [')}] [--rounds 5] [--quick]`);
  process.exit(2);
}

// What the peers need is in a package.json of its own: whoever uses the product need not install them.
await ensureInstalled(fileURLToPath(new URL('.', import.meta.url)), fileURLToPath(import.meta.url), say);
const [{ append }, { replay }, { catchUp }] = await Promise.all([
  import('./append.ts'),
  import('./replay.ts'),
  import('./catch-up.ts'),
]);
const benchmarks = { append, replay, 'catch-up': catchUp };

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
  for (const name of known.filter((name) => positionals.length === 0 || positionals.includes(name))) {
    say(`${name} …`);
    const result = await benchmarks[name](postgres, { rounds, seconds: values.quick ? 2 : 5, say });
    print(result);
    // A quick look is no figure.
    if (!values.quick) await save(result, machine);
    met &&= result.goals.every((goal) => goal.met);
  }
} finally {
  await postgres.release();
}
process.exitCode = met ? 0 : 1;

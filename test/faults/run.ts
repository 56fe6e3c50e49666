// `npm run faults` proves by trying that nothing is lost. See docs/proof.md.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onLauncherGone } from '../../src/server/launcher.ts';
import { testSeed } from '../support/random.ts';
import { keepProgramFolder, openProgramFolder } from '../support/run/scratch.ts';
import { runDeploys } from './deploys/run.ts';
import { drive } from './drive.ts';
import { describe, describeViolations, save } from './report.ts';
import { FAULT_KINDS } from './schedule/faults.ts';

const say = (line: string) => console.error(line);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(testSeed()) },
    clients: { type: 'string', default: '24' },
    instances: { type: 'string', default: '2' },
    'queue-limit': { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
    least: { type: 'string', default: '0' },
    scenario: { type: 'string', default: 'faults' },
    keep: { type: 'boolean', default: false },
  },
});
const [seconds, seed, clients, instances, queueLimit] = (
  ['seconds', 'seed', 'clients', 'instances', 'queue-limit'] as const
).map((name) => Number(values[name])) as [number, number, number, number, number];
const least = Number(values.least);
const kinds = FAULT_KINDS.filter((kind) => kind.includes(values.only));
if (kinds.length === 0) say(`No kind of fault has "${values.only}" in its name. There are: ${FAULT_KINDS.join(', ')}.`);
const SCENARIOS = ['faults', 'deploys'];
if (
  kinds.length === 0 ||
  !SCENARIOS.includes(values.scenario) ||
  [seconds, seed, clients, instances, queueLimit].some((value) => !Number.isInteger(value) || value < 1) ||
  !Number.isInteger(least) ||
  least > kinds.length
) {
  say(
    'Usage: npm run faults -- [--scenario faults|deploys] [--seconds 120] [--seed N] [--clients 24] [--instances 2] [--queue-limit 100] [--only TEXT] [--least KINDS] [--keep]',
  );
  process.exit(2);
}

const folder = openProgramFolder('faults');
const interrupted = new AbortController();
const stop = () => interrupted.abort();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
onLauncherGone(stop);

say(
  `seed ${seed}: ${clients} clients, ${values.scenario === 'deploys' ? 'two builds' : `${instances} servers`}, ${seconds} seconds`,
);
let keeps = values.keep;
try {
  const { signal } = interrupted;
  if (values.scenario === 'deploys') {
    const violations = await runDeploys({ folder, seconds, seed, clients, say, signal });
    console.log(violations.length === 0 ? '\nNo violation.\n' : `\n${violations.join('\n')}\n`);
    keeps ||= violations.length > 0;
    process.exitCode = violations.length > 0 ? 1 : 0;
  } else {
    const run = await drive({ folder, seconds, seed, clients, instances, queueLimit, kinds, say, signal });
    console.log(`\n${describe(run)}\n`);
    const { violations } = run;
    keeps ||= violations.length > 0;
    if (keeps) await save(run, folder);
    if (violations.length > 0) {
      console.log(`${describeViolations(violations)}\n`);
      process.exitCode = 1;
    }
    const played = new Set(run.injected.map(({ kind }) => kind)).size;
    if (played < least) {
      console.log(
        `Only ${played} of ${kinds.length} kinds of faults were played, and ${least} had to be: give it more --seconds.\n`,
      );
      process.exitCode = 1;
    }
  }
} catch (error) {
  if (!interrupted.signal.aborted) {
    console.error(error);
    keeps = true;
  }
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
await rm(keeps ? join(folder, 'data') : folder, { recursive: true, force: true });
if (keeps) {
  keepProgramFolder(folder);
  say(`histories and logs: ${folder}`);
}
// Whatever may still wait for an answer is of no interest any more.
process.exit();

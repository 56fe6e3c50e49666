// `npm run abuse` attacks a server and looks at how innocent clients fare meanwhile. See docs/abuse.md.
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { parseArgs, promisify } from 'node:util';
import { onLauncherGone } from '../../src/server/launcher.ts';
import { Random, testSeed } from '../support/random.ts';
import { keepProgramFolder, openProgramFolder } from '../support/run/scratch.ts';
import { ProductionServer } from '../support/server/production-server.ts';
import { attacks } from './attacks.ts';
import { Campaign, type Result } from './campaign.ts';
import { describe, describeDeeds, type Verdict, verdictOf } from './report.ts';

const say = (line: string) => console.error(line);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(testSeed()) },
    only: { type: 'string', multiple: true, default: [] },
    sample: { type: 'string', default: String(attacks.length) },
    'max-ratio': { type: 'string', default: '3' },
    profiles: { type: 'string' },
  },
});
const { seconds: forSeconds, seed: withSeed, sample: some, 'max-ratio': most } = values;
const [seconds, seed, sample, maxRatio] = [Number(forSeconds), Number(withSeed), Number(some), Number(most)];
const named = attacks.filter(({ name }) => values.only.length === 0 || values.only.includes(name));
const drawn = new Set(new Random(seed).shuffled(named).slice(0, sample));
const chosen = named.filter((attack) => drawn.has(attack));
if (!(seconds >= 1) || !Number.isInteger(seed) || !(maxRatio >= 1) || chosen.length === 0) {
  say(
    'Usage: npm run abuse -- [--seconds 10] [--seed N] [--max-ratio 3] [--only NAME]... [--sample N] [--profiles FOLDER]',
  );
  say(`Attacks: ${attacks.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const interrupted = new AbortController();
const stop = () => interrupted.abort();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
onLauncherGone(stop);

say(`seed ${seed}: ${chosen.length} attacks, ${seconds} seconds each`);
const folder = openProgramFolder('abuse');
const server = await ProductionServer.start(folder, {
  TRUSTED_DOCUMENTS: 'test/abuse/documents.json',
  TRUSTED_DOCUMENTS_ONLY: 'off',
});
const results: (readonly [Result, Verdict])[] = [];
let held = true;
try {
  const { profiles } = values;
  if (profiles !== undefined) await mkdir(profiles, { recursive: true });
  const campaign = await Campaign.begin({ server, seconds, seed, profiles, say, signal: interrupted.signal });
  for (const attack of chosen) {
    const result = await campaign.try(attack);
    const verdict = verdictOf(result, maxRatio);
    say(`  ${describeDeeds(result)}`);
    results.push([result, verdict]);
    if (server.unexpectedEnd || interrupted.signal.aborted) break;
  }
  if (!server.unexpectedEnd) say(await checkedEvents());
} catch (error) {
  console.error(error);
  held = false;
} finally {
  await server.stop();
}
console.log(`\n${describe(results)}\n`);
for (const [{ attack }, { reasons }] of results) {
  for (const reason of reasons.slice(0, 10)) console.log(`${attack.name}: ${reason}`);
  held &&= reasons.length === 0;
}
if (held) await rm(folder, { recursive: true, force: true });
else {
  keepProgramFolder(folder);
  say(`The server's log: ${server.logFile}`);
}
process.exit(held ? 0 : 1);

/** Whether the log is whole. @throws if it is not. */
async function checkedEvents(): Promise<string> {
  const env = { ...process.env, DATABASE_URL: server.databaseUrl };
  const { stdout } = await promisify(execFile)(process.execPath, ['src/cli/main.ts', 'events', 'check'], { env });
  return stdout.trim();
}

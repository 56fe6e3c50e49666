// `npm run fuzz` sends operations that were made by chance and judges every answer. See docs/security.md.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { buildSchema } from 'graphql';
import { onLauncherGone } from '../../src/server/launcher.ts';
import { Random, testSeed } from '../support/random.ts';
import { keepProgramFolder, openProgramFolder } from '../support/run/scratch.ts';
import { ProductionServer } from '../support/server/production-server.ts';
import { Documents } from './documents.ts';
import { Fuzzer } from './fuzzer.ts';
import { Requests } from './requests.ts';
import { seedStore } from './seed-store.ts';
import { Values } from './values.ts';

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(testSeed()) },
  },
});
const [operations, seed] = [Number(values.operations), Number(values.seed)];
if (!Number.isInteger(operations) || operations < 1 || !Number.isInteger(seed)) {
  console.error('Usage: npm run fuzz -- [--operations 10000] [--seed N]');
  process.exit(2);
}

/** Rates are not limited: this looks for what one operation can do. */
const ENV = { REQUESTS_PER_ADDRESS: '0', OPERATIONS_PER_ACTOR: '0', BAD_CREDENTIALS_PER_ADDRESS: '0' };

console.error(`seed ${seed}: ${operations} operations`);
const folder = openProgramFolder('fuzz');
const server = await ProductionServer.start(folder, ENV);
onLauncherGone(() => void server.stop());
let failures: readonly string[] = [];
try {
  const store = await seedStore(server);
  const random = new Random(seed);
  const schema = buildSchema(readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'));
  const documents = new Documents(schema, random, new Values(random, store));
  const fuzzer = new Fuzzer(server, new Requests(documents, random, store.credentials));
  failures = await fuzzer.run(operations, (line) => console.error(line));
  console.log(fuzzer.summary());
} catch (error) {
  failures = [String(error instanceof Error ? error.stack : error)];
} finally {
  await server.stop();
}
for (const failure of failures.slice(0, 20)) console.log(`\n${failure}`);
if (failures.length > 0) {
  keepProgramFolder(folder);
  console.log(`\n${failures.length} failures. Seed ${seed}; the server's log: ${server.logFile}`);
  process.exitCode = 1;
} else {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** Tests of the engine that do not run as a tenant of a shared database. */
export interface NotAsTenant {
  /** The beginning of the files' paths. */
  readonly files: string;
  /** The beginnings of the tests' names, without those of their suites; all of the files' tests by default. */
  readonly tests?: readonly string[];
  readonly reason: string;
}

const REPLACED = 'A rebuild for one tenant replaces its rows in a table that stays: the test looks for another table.';
const BLOCKERS = 'Nobody is told who blocks a tenant: it may be another one.';
const LONG = 'It takes long, and what it breaks is below what tenants change.';
const FORMER = 'No release before there were tenants has made a table of tenants.';
const BELOW = 'It looks at tables, or at what Postgres makes of them, as they are without tenants.';

/** All tests of `test/kernel` that need a Postgres run as a tenant too, but for these. */
export const notAsTenant: readonly NotAsTenant[] = [
  { files: 'test/kernel/tenants/', reason: 'It has tenants of its own.' },
  { files: 'test/kernel/read/replica/', reason: 'Tenants that share a database have no replica, see docs/tenants.md.' },
  { files: 'test/kernel/observe/stalls.test.ts', reason: BLOCKERS },
  {
    files: 'test/kernel/hot-rows.test.ts',
    tests: ['is found at once if it is that of a read model'],
    reason: BELOW,
  },
  { files: 'test/kernel/read/tables/ensure-tables.test.ts', reason: BELOW },
  { files: 'test/kernel/read/tables/adopt-tables.test.ts', reason: FORMER },
  {
    files: 'test/kernel/read/rebuild/rebuild.test.ts',
    tests: ['replaces the live table', 'leaves indexes'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/read/rebuild/history.test.ts',
    tests: ['fills the former versions again', 'leaves no tables'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/read/rebuild/faults.test.ts',
    tests: ['whose connections break', 'whose process is paused', 'has the indexes'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/read/fold/all-events.test.ts',
    tests: ['is the same when it is rebuilt'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/subjects/erasures.test.ts',
    tests: ['makes those read models again', 'is followed after a crash'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/subjects/hiding.test.ts',
    tests: ['does not come back'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/read/tables/prune.test.ts',
    tests: ['is dropped when no process declares it any more'],
    reason: REPLACED,
  },
  {
    files: 'test/kernel/read/tables/prune.test.ts',
    tests: ['does not hide that the read models are in use'],
    reason: BELOW,
  },
  { files: 'test/kernel/read/rebuild/crashes.test.ts', reason: LONG },
  { files: 'test/kernel/read/dead-letters/crashes.test.ts', reason: LONG },
  { files: 'test/kernel/read/run/projection-crashes.test.ts', reason: LONG },
  { files: 'test/kernel/log/append/crashes.test.ts', reason: LONG },
  { files: 'test/kernel/write/command-crashes.test.ts', reason: LONG },
  { files: 'test/kernel/audit/stored-chain.test.ts', reason: LONG },
  { files: 'test/kernel/audit/forged-history.test.ts', reason: LONG },
  { files: 'test/kernel/audit/export-log.test.ts', reason: LONG },
  { files: 'test/kernel/proof/verify-export.test.ts', reason: LONG },
  { files: 'test/kernel/read/fold/large-rows.test.ts', reason: LONG },
  { files: 'test/kernel/subjects/encrypt-existing.test.ts', reason: LONG },
  { files: 'test/kernel/notify/wake-up.test.ts', reason: LONG },
];

/** The files of a lane that run as a tenant: those of the engine of which not all tests are left out. */
export function filesAsTenant(files: readonly string[]): string[] {
  const leftOut = notAsTenant.filter(({ tests }) => tests === undefined);
  return files.filter(
    (file) => file.startsWith('test/kernel/') && !leftOut.some((each) => file.startsWith(each.files)),
  );
}

/** Why a test does not run as a tenant; undefined if it does. @param name without those of its suites. */
export function whyNotAsTenant(file: string, name: string): string | undefined {
  const leftOut = notAsTenant.filter(({ files }) => file.startsWith(files));
  return leftOut.find(({ tests }) => tests === undefined || tests.some((each) => name.startsWith(each)))?.reason;
}

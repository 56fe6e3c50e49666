import { lacks, type Need } from '../server/environment.ts';

/** Tests that are skipped on a machine that lacks something. */
export interface ExpectedSkip {
  /** The beginning of the files' paths. */
  readonly files: string;
  readonly lacking: readonly Need[];
  readonly reason: string;
}

const REPLICA = 'Nothing makes a replica: install Debian’s postgresql.';
const BROWSER = 'There is no browser: install chromium, or say in CHROMIUM_PATH where it is.';
const ROOT = 'Only root can do things as another user.';

/** All that may be skipped. In CI a test that is skipped for another reason fails the run. */
export const expectedSkips: readonly ExpectedSkip[] = [
  { files: 'test/e2e/browser/graphiql.test.ts', lacking: ['chromium'], reason: BROWSER },
  { files: 'test/e2e/browser/shop-page.test.ts', lacking: ['chromium'], reason: BROWSER },
  { files: 'test/client/browser/', lacking: ['chromium'], reason: BROWSER },
  { files: 'test/e2e/replica/', lacking: ['pg_basebackup'], reason: REPLICA },
  { files: 'test/e2e/privacy/erasure.test.ts', lacking: ['pg_basebackup'], reason: REPLICA },
  { files: 'test/e2e/surroundings/promoted.test.ts', lacking: ['pg_basebackup'], reason: REPLICA },
  {
    files: 'test/docs/privacy.test.ts',
    lacking: ['pg_basebackup'],
    reason: REPLICA,
  },
  { files: 'test/cli/database/doctor.test.ts', lacking: ['pg_basebackup'], reason: REPLICA },
  { files: 'test/database/link/failover.test.ts', lacking: ['pg_basebackup'], reason: REPLICA },
  {
    files: 'test/database/link/tls.test.ts',
    lacking: ['pg_basebackup', 'openssl'],
    reason: 'The embedded Postgres speaks no TLS: install Debian’s postgresql and openssl.',
  },
  {
    files: 'test/e2e/http/limits/shared-limits.test.ts',
    lacking: ['redis-server'],
    reason: 'There is no Redis: install redis-server.',
  },
  { files: 'test/database/embedded/privileges.test.ts', lacking: ['root'], reason: ROOT },
  {
    files: 'test/database/embedded/privileges.test.ts',
    lacking: ['user namespaces', 'mount namespaces'],
    reason: 'The system allows no namespaces, as in many containers.',
  },
  { files: 'test/database/embedded/zombie.test.ts', lacking: ['/proc'], reason: 'Only /proc shows a zombie.' },
  {
    files: 'test/e2e/process/large-notes.test.ts',
    lacking: ['/proc'],
    reason: 'Only /proc says how much memory was used.',
  },
  {
    files: 'test/adoption/previous-release.test.ts',
    lacking: ['earlier commits'],
    reason: 'This is no clone with the history of the repository: fetch all of it.',
  },
  { files: 'test/shop/demo/demo.test.ts', lacking: ['/proc'], reason: 'Only /proc shows what a process has started.' },
];

/** Why a test of a file may be skipped on this machine; `undefined` if it may not. */
export function reasonToSkip(file: string): string | undefined {
  return expectedSkips.find(({ files, lacking }) => file.startsWith(files) && lacks(...lacking))?.reason;
}

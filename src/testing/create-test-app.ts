import type { App } from '../definition/app.ts';
import type { TestApp, TestAppOptions } from './test-app.ts';

/**
 * Starts an application on a free port of 127.0.0.1, with a database of its own: a copy of a migrated template on the
 * Postgres of TEST_DATABASE_URL, or else on an embedded one that the tests of a project share. Close it after the test.
 *
 * ```ts
 * const library = await createTestApp(app, { at: '2026-03-02T10:00:00Z' });
 * const { aggregateId } = await library.as('clerk', 'librarian').accepted('lendBook', { … });
 * await library.clock.advance({ days: 28 });
 * ```
 * @throws {ConfigError} {@link DatabaseError}, EmbeddedPostgresError: as when a server starts.
 */
export async function createTestApp(app: App, options: TestAppOptions = {}): Promise<TestApp> {
  // Tests without a database import this file's face too, and need not load the server.
  const { openTestApp } = await import('./test-app.ts');
  return openTestApp(app, options);
}

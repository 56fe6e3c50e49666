import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Modules that start a Postgres, or a process that does. A test that imports one of them is not a unit test. */
const STARTERS = [
  'test/support/postgres/database.ts',
  'test/support/postgres/postgres-server.ts',
  'test/support/server/production-server.ts',
  'test/support/tenants/tenants.ts',
  'test/database/embedded/helpers.ts',
  'test/e2e/process/server-process.ts',
];
const IMPORT = /^(?:import|export) (?!type )(?:[^;]*? from )?'(\.[^']+)';$/gms;

/** The test files by what they need. */
export interface Lanes {
  /** None of these needs a Postgres. */
  readonly unit: string[];
  readonly integration: string[];
}

/** Finds out from the imports of a project's tests, and of what they import from the tests' folder, which need a Postgres. */
export function lanesOf(root: string): Lanes {
  const needsPostgres = new Map(STARTERS.map((file) => [file, true]));
  const visit = (file: string): boolean => {
    const known = needsPostgres.get(file);
    if (known !== undefined) return known;
    needsPostgres.set(file, false);
    const text = readFileSync(join(root, file), 'utf8');
    const imported = [...text.matchAll(IMPORT)].map(([, path = '']) => join(dirname(file), path));
    const needs = imported.filter((path) => path.startsWith('test/')).some(visit);
    needsPostgres.set(file, needs);
    return needs;
  };
  const files = globSync('test/**/*.test.ts', { cwd: root }).toSorted();
  const { integration = [], unit = [] } = Object.groupBy(files, (file) => (visit(file) ? 'integration' : 'unit'));
  return { unit, integration };
}

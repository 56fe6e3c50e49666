import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { useDatabase } from '../../support/postgres/database.ts';
import { testSeed } from '../../support/random.ts';
import { playDeploys } from './scenario.ts';

const database = useDatabase();

it('serves every request, fresh, and tells every update, while two builds are deployed, rolled back and deployed again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deploys-'));
  const lines: string[] = [];
  const violations = await playDeploys({
    databaseUrl: database.url,
    sql: database.sql,
    folder,
    seed: testSeed(),
    steadyMs: 1000,
    clients: 4,
    say: (line) => lines.push(line),
  });
  expect(violations, `${lines.join('\n')}\nlogs: ${folder}`).toEqual([]);
});

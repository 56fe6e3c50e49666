import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { onServer, useDatabase } from '../support/database.ts';
import { runCli } from './support.ts';

const database = useDatabase();

async function findings(url = database.url): Promise<{ code: number | null; all: Finding[] }> {
  const { code, stdout } = await runCli(url, ['doctor', '--json']);
  return {
    code,
    all: stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding),
  };
}
const named = (all: readonly Finding[], check: string) => all.filter((finding) => finding.check === check);

describe('doctor', () => {
  it('finds nothing that hinders a good database, and changes nothing', async () => {
    const { code, all } = await findings();
    const problems = all.filter(({ level }) => level === 'problem').map(({ check }) => check);
    // Servers for tests may do without it.
    expect(problems.filter((check) => check !== 'durability')).toEqual([]);
    expect(code).toBe(problems.length > 0 ? 1 : 0);
    for (const check of ['node', 'connection', 'server', 'writing', 'rights', 'roles', 'clock', 'migrations', 'log']) {
      expect(
        named(all, check).map(({ level }) => level),
        check,
      ).toContain('ok');
    }
  });

  it('names what is wrong with a hostile one, each with what to do', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await onServer((sql) => sql.unsafe(`alter database "${name}" set datestyle = 'SQL, DMY'`));
    await database.sql`insert into es.streams (stream_type, stream_id, version, occurred_at)
                       values ('Ghost', gen_random_uuid(), 2, now())`;
    const { code, all } = await findings();
    expect(code).toBe(1);
    expect(named(all, 'settings')[0]).toMatchObject({
      level: 'warning',
      fact: expect.stringMatching(/datestyle.*SQL, DMY.*database/i),
    });
    expect(named(all, 'log')[0]).toMatchObject({ level: 'problem', fact: expect.stringContaining('Ghost') });
    for (const { level, advice } of all) expect(advice === undefined).toBe(level === 'ok');
    const { stdout, stderr } = await runCli(database.url, ['doctor']);
    expect(stdout).toMatch(/^ok {7}node: Node /m);
    expect(stdout).toMatch(/^problem {2}log: /m);
    expect(stderr).toContain('Error PROBLEMS_FOUND: ');
  });

  it('says that a database cannot be reached, without its password', async () => {
    const { code, all } = await findings('postgres://ada:secret@127.0.0.1:1/shop');
    expect(code).toBe(1);
    expect(all.at(-1)).toMatchObject({ level: 'problem', check: 'connection' });
    expect(JSON.stringify(all)).not.toContain('secret');
  });
});

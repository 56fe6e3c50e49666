import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';

const run = promisify(execFile);

/** A client is a connection; Postgres allows 100 by default. */
const MOST_CLIENTS = 80;

/** Postgres' own load generator, writing a table of events as one would write it by hand. */
export interface Pgbench {
  /**
   * One prepared INSERT per transaction by this many clients, at most 80, for this many seconds; resolves to
   * transactions per second.
   * @throws if pgbench fails, a transaction fails, or none is finished in this time: pgbench then has no rate.
   */
  insertsPerSecond(clients: number, seconds: number): Promise<number>;
  close(): Promise<void>;
}

const TABLE = `create table events (
  position bigint generated always as identity primary key,
  stream_id uuid not null,
  version int not null,
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  recorded_at timestamptz not null default now(),
  unique (stream_id, version)
)`;

const INSERT = `insert into events (stream_id, version, type, data, metadata)
  values (gen_random_uuid(), 1, 'MeterInstalled', '{"label": "In the cellar"}', '{"actor": {"id": "system", "roles": ["system"]}}');
`;

/** @throws if there is no pgbench on this machine; Debian has it in its package postgresql. */
export async function openPgbench(url: string): Promise<Pgbench> {
  await run('pgbench', ['--version']).catch(() => {
    throw new Error("This needs pgbench, which is in Debian's package postgresql (or postgresql-contrib elsewhere).");
  });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(TABLE);
  await sql.end();
  const folder = await mkdtemp(join(tmpdir(), 'pgbench-'));
  const script = join(folder, 'insert.sql');
  await writeFile(script, INSERT);
  return {
    insertsPerSecond: async (asked, seconds) => {
      const clients = Math.min(asked, MOST_CLIENTS);
      const threads = Math.min(clients, 2);
      const words = [
        '-n',
        '-M',
        'prepared',
        '-f',
        script,
        '-c',
        `${clients}`,
        '-j',
        `${threads}`,
        '-T',
        `${seconds}`,
        url,
      ];
      const { stdout } = await run('pgbench', words);
      const [, tps] = /tps = ([\d.]+) \(without initial/.exec(stdout) ?? [];
      if (!tps || !/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench said:\n${stdout}`);
      return Number(tps);
    },
    close: () => rm(folder, { recursive: true }),
  };
}

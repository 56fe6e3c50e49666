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
  /** The same with the product's own function for one event, in its database at this URL. */
  appendsPerSecond(url: string, clients: number, seconds: number): Promise<number>;
  close(): Promise<void>;
}

export const TABLE = `create table events (
  position bigint generated always as identity primary key,
  stream_id uuid not null,
  version int not null,
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  recorded_at timestamptz not null default now(),
  unique (stream_id, version)
)`;

/** One event, as one would store it by hand. */
export const INSERT = `insert into events (stream_id, version, type, data, metadata)
  values (gen_random_uuid(), 1, 'MeterInstalled', '{"label": "In the cellar"}', '{"actor": {"id": "system", "roles": ["system"]}}')`;

/** An event as `SingleAppend` sends it, with ids that grow. */
const APPEND = `select es.append_one('Meter', uuidv7(), 0, '{}'::text[], uuidv7(), null, gen_random_uuid(),
  '{"actor": {"id": "system", "roles": ["system"]}, "correlationId": "0198a0c0-0000-7000-8000-000000000001"}'::jsonb,
  uuidv7(), 'MeterInstalled', 1::smallint, '{"label": "In the cellar"}'::jsonb, null, 0)::text;
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
  const [insert, append] = [join(folder, 'insert.sql'), join(folder, 'append.sql')];
  await Promise.all([writeFile(insert, `${INSERT};`), writeFile(append, APPEND)]);
  return {
    insertsPerSecond: (clients, seconds) => perSecond(insert, url, clients, seconds),
    appendsPerSecond: (store, clients, seconds) => perSecond(append, store, clients, seconds),
    close: () => rm(folder, { recursive: true }),
  };
}

async function perSecond(script: string, url: string, asked: number, seconds: number): Promise<number> {
  const clients = Math.min(asked, MOST_CLIENTS);
  const threads = Math.min(clients, 2);
  const { stdout } = await run('pgbench', [
    ...['-n', '-M', 'prepared', '-f', script, '-c', `${clients}`, '-j', `${threads}`, '-T', `${seconds}`, url],
  ]);
  const [, tps] = /tps = ([\d.]+) \(without initial/.exec(stdout) ?? [];
  if (!tps || !/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench said:\n${stdout}`);
  return Number(tps);
}

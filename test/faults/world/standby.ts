import { appendFile, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import { connect } from '../../../src/database/session.ts';
import { until } from '../../support/until.ts';

const NAME = 'standby';
const STREAMS_WITHIN_MS = 30_000;

/** Folders whose content a base backup leaves out, as `pg_basebackup` does. */
const EMPTIED = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_subtrans',
]);
const LEFT_OUT = /^(postmaster\.(pid|opts)|backup_label.*|standby\.signal|pg_internal\.init.*|pgsql_tmp.*)$/;

/** A cluster's folder, and how its superuser connects. */
export interface Primary {
  readonly dataDir: string;
  readonly url: URL;
  as<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
}

/**
 * A physical standby that streams from the primary and can be read. It is a base backup by the functions of Postgres itself,
 * since the product's own Postgres comes without `pg_basebackup`: so each machine that runs the product can have one.
 */
export class Standby {
  readonly dataDir: string;
  readonly server: EmbeddedPostgres;

  private constructor(dataDir: string, server: EmbeddedPostgres) {
    this.dataDir = dataDir;
    this.server = server;
  }

  /** Makes one in a folder that is not there yet, and waits until it streams. */
  static async of(primary: Primary, dataDir: string): Promise<Standby> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const folder = join(dataDir, 'postgres');
    const label = await primary.as(async (sql) => {
      await sql`select pg_backup_start(${NAME}, fast => true)`;
      await copyFolder(join(primary.dataDir, 'postgres'), folder);
      const [row] = await sql<
        { label: string }[]
      >`select labelfile as label from pg_backup_stop(wait_for_archive => false)`;
      return row?.label ?? '';
    });
    const { hostname, port, username, password } = primary.url;
    const way = `host=${hostname} port=${port} user=${username} password=${password} application_name=${NAME}`;
    await writeFile(join(folder, 'backup_label'), label);
    await writeFile(join(folder, 'standby.signal'), '');
    await appendFile(join(folder, 'postgresql.auto.conf'), `primary_conninfo = '${way}'\n`);
    await copyFile(join(primary.dataDir, 'password'), join(dataDir, 'password'));
    const standby = new Standby(dataDir, await startEmbeddedPostgres({ dataDir }));
    const streaming = () =>
      primary.as(
        (sql) => sql`select 1 from pg_stat_replication where application_name = ${NAME} and state = 'streaming'`,
      );
    try {
      await until(async () => (await streaming()).length > 0, { deadline: STREAMS_WITHIN_MS });
      return standby;
    } catch (error) {
      await standby.remove();
      throw error;
    }
  }

  /**
   * From now on the primary acknowledges no commit that is not on the standby's disk. Resolves when that holds for all that was
   * committed.
   */
  async synchronize(primary: Primary): Promise<void> {
    await primary.as(async (sql) => {
      await sql.unsafe(`alter system set synchronous_standby_names = '${NAME}'`);
      await sql`select pg_reload_conf()`;
      const isSynchronous = async () => {
        const rows = await sql`select 1 from pg_stat_replication
                               where application_name = ${NAME} and sync_state = 'sync' and flush_lsn >= pg_current_wal_lsn()`;
        return rows.length > 0;
      };
      await until(isSynchronous, { deadline: STREAMS_WITHIN_MS });
    });
  }

  /** Makes it a primary. */
  async promote(): Promise<void> {
    const sql = connect({ url: this.server.url, applicationName: 'faults', kind: 'any' }, { max: 1 });
    try {
      const [row] = await sql<{ promoted: boolean }[]>`select pg_promote(true, 60) as promoted`;
      if (!row?.promoted) throw new Error('The standby was not promoted within a minute.');
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Ends it and removes what it had. */
  async remove(): Promise<void> {
    await this.server.release();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Copies the present files. Files that disappear meanwhile are restored from the write-ahead log. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true }).catch(nothingIfGone);
  for (const entry of entries ?? []) {
    const { name } = entry;
    if (LEFT_OUT.test(name)) continue;
    if (entry.isDirectory() && EMPTIED.has(name)) await mkdir(join(to, name), { mode: 0o700 });
    else if (entry.isDirectory()) await copyFolder(join(from, name), join(to, name));
    else await copyFile(join(from, name), join(to, name)).catch(nothingIfGone);
  }
}

function nothingIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

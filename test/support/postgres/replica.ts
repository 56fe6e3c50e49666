import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { until } from '../until.ts';
import { connect, type TestDatabase } from './database.ts';
import { PostgresServer } from './postgres-server.ts';

const DATABASE = 'shop';

/** A database on a primary that has a streaming replica. */
export interface ReplicatedDatabase extends TestDatabase {
  /** The same database on the replica. */
  readonly readUrl: string;
  readonly primary: PostgresServer;
  readonly replica: Replica;
}

/** The actions of a test on a replica. */
export interface Replica {
  readonly server: PostgresServer;
  /** From now on it receives what the primary writes, and shows none of it. */
  pause(): Promise<void>;
  /** It shows what it has received. */
  resume(): Promise<void>;
  /** It shows everything so long after it was written; 0 at once. */
  delay(ms: number): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  ask<Row extends object>(statement: string): Promise<Row[]>;
}

/** Makes a primary with an empty database and a replica of it for the tests of a file. */
export function useReplicatedDatabase(): ReplicatedDatabase {
  let present:
    | { folder: string; primary: PostgresServer; server: PostgresServer; sql: TestDatabase['sql'] }
    | undefined;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'afterwrite-replica-'));
    const primary = await PostgresServer.create(join(folder, 'primary'));
    await primary.ask(`create database ${DATABASE}`);
    const server = await primary.replicate(join(folder, 'replica'));
    present = { folder, primary, server, sql: connect(primary.url(DATABASE), 3) };
  });
  afterAll(async () => {
    if (!present) return;
    await present.sql.end({ timeout: 1 });
    await present.server.remove();
    await present.primary.remove();
    await rm(present.folder, { recursive: true, force: true });
  });
  const get = () => {
    if (!present) throw new Error('There is a replica only while a test runs.');
    return present;
  };
  return {
    get url() {
      return get().primary.url(DATABASE);
    },
    get readUrl() {
      return get().server.url(DATABASE);
    },
    get sql() {
      return get().sql;
    },
    get primary() {
      return get().primary;
    },
    replica: replicaOf(() => get().server),
  };
}

function replicaOf(server: () => PostgresServer): Replica {
  const ask = <Row extends object>(statement: string) => server().ask<Row>(statement, DATABASE);
  return {
    get server() {
      return server();
    },
    ask,
    pause: async () => {
      await ask('select pg_wal_replay_pause()');
      await until(async () => {
        const [row] = await ask<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
        return row?.state === 'paused';
      });
    },
    resume: async () => {
      await ask('select pg_wal_replay_resume()');
    },
    delay: async (ms) => {
      await ask(`alter system set recovery_min_apply_delay = '${ms}ms'`);
      await ask('select pg_reload_conf()');
    },
    kill: () => server().stop('immediate'),
    start: () => server().start(),
  };
}

import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool, type PoolOptions } from '../../../src/database/client.ts';
import { rootOf } from '../../../src/database/errors.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useProxy(database);

function open(url: string, options: Partial<PoolOptions> = {}) {
  const pool = openPool({ url, connections: 1, applicationName: 'silence', probeAfterMs: 200, ...options });
  onTestFinished(() => pool.close(0));
  return pool;
}

/** A role of a test's own, which may see nothing of others. */
async function createRole(login = ''): Promise<string> {
  const role = `nobody_${randomUUID().replaceAll('-', '')}`;
  await database.sql.unsafe(`create role ${role} ${login}`);
  onTestFinished(async () => void (await database.sql.unsafe(`drop role ${role}`)));
  return role;
}

/** The database's URL for another user. */
async function urlOfSomebody(): Promise<string> {
  const url = new URL(database.url);
  url.password = 'pencil';
  url.username = await createRole("login password 'pencil'");
  return url.href;
}

it('a statement that takes long is left alone as long as Postgres is at work on it', async () => {
  const { db, silentMs } = open(database.url);
  const [row] = await db.execute<{ n: number }>(sql`select 7 as n from pg_sleep(2)`);
  expect(row?.n).toBe(7);
  expect(silentMs()).toBe(0);
});

it('a statement that may not take so long is given up although Postgres is at work on it', async () => {
  const { db } = open(database.url, { answerWithinMs: 400 });
  const error = await db.execute(sql`select pg_sleep(30)`).catch((failure) => failure);
  expect(rootOf(error).code).toBe('CONNECTION_SILENT');
});

it('a read on a silent connection is asked again on another one', async () => {
  const proxy = await openProxy();
  const { db } = open(proxy.url, { cancellable: true });
  await db.execute(sql`select 1`);
  proxy.silence();
  expect([...(await db.execute(sql`select 7 as n`))]).toEqual([{ n: 7 }]);
});

it('a transaction on a silent connection fails, and the next one does not', async () => {
  const proxy = await openProxy();
  const { db } = open(proxy.url);
  const work = () => db.transaction((transaction) => transaction.execute(sql`select 7 as n`));
  await work();
  proxy.silence();
  expect(rootOf(await work().catch((failure) => failure)).code).toMatch(/^CONNECTION_(SILENT|CLOSED)$/);
  expect([...(await work())]).toEqual([{ n: 7 }]);
});

it('a pool that is answered no more says for how long, and that it is over', async () => {
  const proxy = await openProxy();
  const pool = open(proxy.url, { probeAfterMs: 60_000 });
  await pool.db.execute(sql`select 1`);
  expect(pool.silentMs()).toBe(0);
  proxy.holdAnswers();
  const asked = pool.db.execute(sql`select 1`);
  asked.execute?.();
  const began = performance.now();
  while (pool.silentMs() === 0 && performance.now() - began < 5000) await new Promise(setImmediate);
  expect(pool.silentMs()).toBeGreaterThan(0);
  proxy.passAnswers();
  await asked;
  expect(pool.silentMs()).toBe(0);
});

it('a silent connection is given up also if it has taken a role that may not see what its user does', async () => {
  const proxy = await openProxy();
  const { db } = open(proxy.url, { settings: { role: await createRole() } });
  await db.execute(sql`select 1`);
  proxy.silence();
  const error = await db.execute(sql`select 1`).catch((failure) => failure);
  expect(rootOf(error).code).toBe('CONNECTION_SILENT');
});

it('a silent connection is given up also if its number is that of another backend where connections lead now', async () => {
  const proxy = await openProxy();
  const { db: other } = open(await urlOfSomebody());
  const [theirs] = await other.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  const atWork = other.execute(sql`select pg_sleep(60)`).catch(() => undefined);
  const { db } = open(proxy.url);
  proxy.renumber(() => Number(theirs?.pid));
  await db.execute(sql`select 1`);
  proxy.renumber((pid) => pid);
  proxy.silence();
  const error = await db.execute(sql`select 1`).catch((failure) => failure);
  expect(rootOf(error).code).toBe('CONNECTION_SILENT');
  await database.sql`select pg_terminate_backend(${Number(theirs?.pid)})`;
  await atWork;
});

it.each([
  ['a pooler tells numbers of its own', 'on'],
  ['Postgres keeps no track of activity', 'off'],
])('a statement that takes long is left alone if %s', async (_, tracking) => {
  const proxy = await openProxy();
  if (tracking === 'on') proxy.renumber((pid) => pid + 1_000_000);
  const { db } = open(proxy.url, { settings: { track_activities: tracking } });
  const [row] = await db.execute<{ n: number }>(sql`select 7 as n from pg_sleep(2)`);
  expect(row?.n).toBe(7);
  expect(proxy.connections).toBeGreaterThan(2);
});

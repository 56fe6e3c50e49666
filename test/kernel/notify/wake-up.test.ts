import { afterEach, describe, expect, it } from 'vitest';
import { WakeUp } from '../../../src/kernel/notify/wake-up.ts';
import { useDatabase } from '../../support/database.ts';
import { useProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useProxy(database);

let position = 0;
const opened: WakeUp[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((wakeUp) => wakeUp.close()));
});

function wakeUpOf(url = database.url) {
  const seen = { wakes: 0, errors: [] as unknown[] };
  const wakeUp = new WakeUp({ url, onWake: () => seen.wakes++, onError: (error) => seen.errors.push(error) });
  opened.push(wakeUp);
  return { wakeUp, seen };
}

/** One that listens, and has been told that it does. */
async function listening(url?: string) {
  const { wakeUp, seen } = wakeUpOf(url);
  wakeUp.start();
  await until(() => seen.wakes === 1);
  return { wakeUp, seen };
}

describe('a wake-up', () => {
  it('comes when listening begins, for what was missed before', async () => {
    await listening();
  });

  it('reaches other processes, and not the one that sent it', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.wakes === 2);
    expect(here.seen.wakes).toBe(1);
  });

  it('is one for many appends', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    for (let n = 0; n < 1000; n++) here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.wakes === 2);
    here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.wakes === 3);
  });

  it('is sent again for what was appended while the last one was on its way', async () => {
    const proxy = await openProxy();
    const elsewhere = await listening();
    const { wakeUp } = wakeUpOf(proxy.url);
    wakeUp.appended(++position);
    await until(() => elsewhere.seen.wakes === 2);
    const aWhile = () => {
      const end = Date.now() + 30;
      return until(() => Date.now() > end);
    };
    proxy.holdAnswers();
    wakeUp.appended(++position);
    await aWhile();
    // The answer to the last one has not come, and may not for long.
    const { wakes } = elsewhere.seen;
    wakeUp.appended(++position);
    await aWhile();
    proxy.passAnswers();
    await until(() => elsewhere.seen.wakes > wakes);
  });

  it('comes when a broken connection listens again', async () => {
    const { seen } = await listening();
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'afterwrite wake-up' and datname = current_database()`;
    await until(() => seen.wakes === 2);
    const elsewhere = wakeUpOf();
    elsewhere.wakeUp.appended(++position);
    await until(() => seen.wakes === 3);
  });
});

describe('a wake-up that cannot be', () => {
  it('is reported, and neither starting, notifying nor closing throws', async () => {
    const { wakeUp, seen } = wakeUpOf('postgres://127.0.0.1:1/nowhere');
    wakeUp.start();
    wakeUp.appended(++position);
    await until(() => seen.errors.length >= 2);
    await wakeUp.close();
    wakeUp.appended(++position);
  });

  it('is silent when it is closed in the middle of connecting', async () => {
    const { wakeUp, seen } = wakeUpOf();
    wakeUp.start();
    wakeUp.appended(++position);
    await wakeUp.close();
    wakeUp.start();
    expect(seen.errors).toEqual([]);
  });
});

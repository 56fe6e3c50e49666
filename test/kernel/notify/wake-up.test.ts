import { afterEach, describe, expect, it } from 'vitest';
import type { Notification } from '../../../src/kernel/notify/notification-buffer.ts';
import { WakeUp } from '../../../src/kernel/notify/wake-up.ts';
import { faultsInto } from '../../support/kernel/observers.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openPooler } from '../../support/postgres/pooler.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useProxy(database);

let position = 0;
const opened: WakeUp[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((wakeUp) => wakeUp.close()));
});

function wakeUpOf(url = database.url, heartbeatMs?: number) {
  const seen = { wakes: 0, notifications: [] as Notification[], errors: [] as unknown[] };
  const wakeUp = new WakeUp({
    ...{ url, channel: 'afterwrite_appended', heartbeatMs },
    observer: faultsInto(seen.errors),
  });
  const start = () =>
    wakeUp.start({
      onNotification: (notification) => {
        seen.wakes++;
        seen.notifications.push(notification);
      },
      onWake: () => void seen.wakes++,
    });
  opened.push(wakeUp);
  return { wakeUp, seen, start };
}

/** One that listens, and has been told that it does. */
async function listening(url?: string, heartbeatMs?: number) {
  const { wakeUp, seen, start } = wakeUpOf(url, heartbeatMs);
  start();
  await until(() => seen.wakes === 1);
  return { wakeUp, seen };
}

/** Everything that is sent from now on. */
async function overheard() {
  const notifications: string[] = [];
  const listener = await database.sql.listen('afterwrite_appended', (payload) => notifications.push(payload));
  return { notifications, end: () => listener.unlisten() };
}

describe('a wake-up', () => {
  it('comes when listening begins, for what was missed before', async () => {
    await listening();
  });

  it('reaches other processes, and not the one that sent it', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.notifications.some(({ head }) => head === position));
    expect(here.seen.notifications).toEqual([]);
  });

  it('is one for many appends', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    for (let n = 0; n < 1000; n++) here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.notifications.some(({ head }) => head === position));
    here.wakeUp.appended(++position);
    await until(() => elsewhere.seen.notifications.some(({ head }) => head === position));
    // Each may also have answered the greeting of the other.
    expect(elsewhere.seen.notifications.length).toBeLessThan(5);
  });

  it('is sent again for events that were appended while the last one was being sent', async () => {
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

describe('an instance', () => {
  it('that is alone sends nothing of what it does', async () => {
    const { wakeUp } = await listening(undefined, 20);
    await until(() => !wakeUp.hasListeners);
    const { notifications, end } = await overheard();
    wakeUp.appended(++position);
    wakeUp.moved('orders', { from: 0, to: position, keys: ['k'], lagMs: 1, generation: 1 });
    // What is sent first arrives first.
    await database.sql`select pg_notify('afterwrite_appended', 'the last one')`;
    await until(() => notifications.includes('the last one'));
    expect(
      notifications.filter((payload) => payload.includes('orders') || payload.includes(`"head":${position}`)),
    ).toEqual([]);
    expect(wakeUp.hasListeners).toBe(false);
    await end();
  });

  it('that begins to listen is told where the log ends, and everything from then on', async () => {
    const here = await listening(undefined, 20);
    await until(() => !here.wakeUp.hasListeners);
    here.wakeUp.appended(++position);
    const elsewhere = await listening(undefined, 20);
    await until(() => elsewhere.seen.notifications.some(({ head }) => head === position));
    await until(() => {
      here.wakeUp.moved('orders', { from: position, to: ++position, keys: ['l'], lagMs: 1, generation: 1 });
      return elsewhere.seen.notifications.some(({ moved }) => moved.orders?.keys?.includes('l'));
    });
  });

  it('that only listens stays known to the others', async () => {
    const [here, elsewhere] = [await listening(undefined, 100), await listening(undefined, 100)];
    await until(() => here.wakeUp.hasListeners && elsewhere.wakeUp.hasListeners);
    const { notifications, end } = await overheard();
    await until(() => notifications.length > 20);
    await until(() => here.wakeUp.hasListeners && elsewhere.wakeUp.hasListeners);
    await elsewhere.wakeUp.close();
    await until(() => !here.wakeUp.hasListeners);
    await end();
  });
});

describe('a connection that has fallen silent', () => {
  it('is detected while nothing is sent, and replaced; later notifications arrive', async () => {
    const proxy = await openProxy();
    const { wakeUp, seen } = await listening(proxy.url, 500);
    const elsewhere = await listening();
    proxy.silence();
    // It looks for what it may have missed as soon as it listens again, and knows that it hears when its own word comes back.
    await until(() => seen.wakes >= 2 && wakeUp.canListen);
    elsewhere.wakeUp.appended(7);
    await until(() => seen.notifications.some(({ head }) => head === 7));
  });
});

describe('what is told', () => {
  it('contains the end of the log, the advances and whether leases were released', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    await until(() => here.wakeUp.hasListeners);
    here.wakeUp.appended(7, new Date(1000));
    here.wakeUp.moved('orders', { from: 3, to: 7, keys: ['k'], lagMs: 2, generation: 4 });
    here.wakeUp.released();
    await until(() => elsewhere.seen.notifications.length > 0);
    expect(elsewhere.seen.notifications[0]).toMatchObject({
      head: 7,
      recordedAt: 1000,
      moved: { orders: { from: 3, to: 7, keys: ['k'], lagMs: 2, generation: 4 } },
      released: true,
    });
  });

  it('last is told before it ends', async () => {
    const [here, elsewhere] = [await listening(), await listening()];
    here.wakeUp.appended(1);
    here.wakeUp.released();
    await here.wakeUp.close();
    await until(() => elsewhere.seen.notifications.some(({ released }) => released));
    expect(here.seen.errors).toEqual([]);
  });

  it('by others who say something else is a reason to look', async () => {
    const { seen } = await listening();
    await database.sql`select pg_notify('afterwrite_appended', 'abc')`;
    await until(() => seen.wakes === 2);
    expect(seen.notifications).toEqual([]);
  });
});

describe('a pooler', () => {
  it('that refuses LISTEN is reported once, and that it is deaf', async () => {
    const { wakeUp, seen, start } = wakeUpOf(await openPooler(database.url, 'refuses'));
    expect(wakeUp.canListen).toBe(false);
    start();
    await until(() => seen.errors.length > 0);
    expect(seen.errors).toMatchObject([{ code: 'NOT_LISTENING', message: expect.stringContaining('syntax error') }]);
    const elsewhere = await listening();
    wakeUp.appended(1);
    await until(() => elsewhere.seen.notifications.length > 0);
    expect(wakeUp.canListen).toBe(false);
    expect(seen.errors).toHaveLength(1);
  });

  it('that takes LISTEN and never tells anything is found out', async () => {
    const { wakeUp, seen } = await listening(await openPooler(database.url, 'swallows'));
    expect(wakeUp.canListen).toBe(true);
    wakeUp.appended(1);
    await until(() => !wakeUp.canListen);
    expect(seen.errors).toMatchObject([{ code: 'NOT_LISTENING' }]);
  });
});

describe('a wake-up that cannot be', () => {
  it('is reported, and neither starting, notifying nor closing throws', async () => {
    const { wakeUp, seen, start } = wakeUpOf('postgres://127.0.0.1:1/nowhere');
    start();
    wakeUp.appended(++position);
    await until(() => seen.errors.length >= 2);
    await wakeUp.close();
    wakeUp.appended(++position);
  });

  it('is silent when it is closed in the middle of connecting', async () => {
    const { wakeUp, seen, start } = wakeUpOf();
    start();
    wakeUp.appended(++position);
    await wakeUp.close();
    start();
    expect(seen.errors).toEqual([]);
  });
});

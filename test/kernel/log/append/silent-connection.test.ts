import { describe, expect, it, onTestFinished } from 'vitest';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { AppendQueue, type AppendQueueOptions } from '../../../../src/kernel/log/append/append-queue.ts';
import { EventLog } from '../../../../src/kernel/log/event-log.ts';
import type { EngineOccurrences } from '../../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import { anAppend } from '../../../support/kernel/appends.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { LOCK_LOG, WAITING_FOR_LOG } from '../../../support/kernel/log-lock.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { openTestPool } from '../../../support/postgres/pool.ts';
import { useProxy } from '../../../support/postgres/proxy.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openProxy = useProxy(database);
/** A queue whose connections are looked at soon. */
function queueAt(url: string, options: Partial<AppendQueueOptions> = {}) {
  const pool = openTestPool({ url, connections: 2, applicationName: 'silence', probeAfterMs: 200 });
  onTestFinished(() => pool.close(0));
  const log = new EventLog(pool.db, registerDomains([counterDomain]).events);
  const retries: unknown[] = [];
  const queue = new AppendQueue(log, {
    limit: 10,
    batchLimit: 10,
    onCommitted: () => {},
    observer: new Observer<EngineOccurrences>([{ appendRetried: ({ error }) => retries.push(error) }]),
    ...options,
  });
  return { log, queue, retries };
}

describe('a connection that goes silent', () => {
  it('keeps no append for long: it goes by another', async () => {
    const proxy = await openProxy();
    const { queue, retries } = queueAt(proxy.url);
    await queue.append(anAppend());
    proxy.silence();
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 2 });
    expect(retries).toMatchObject([{ cause: { code: 'CONNECTION_SILENT' } }]);
  });

  it('after the commit: the append is found by the next attempt, not repeated', async () => {
    const proxy = await openProxy();
    const { queue, log } = queueAt(proxy.url);
    await queue.append(anAppend());
    proxy.silence('answers');
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 2 });
    expect(await log.head()).toMatchObject({ position: 2 });
  });
});

describe('a batch that waits for the lock of the log', () => {
  it('is not sent again while Postgres is at work on it, and its callers are told when it takes too long', async () => {
    const proxy = await openProxy();
    const { queue, retries } = queueAt(proxy.url, { retryForMs: 3000 });
    await queue.append(anAppend());
    const held = await database.sql.reserve();
    await held`begin`;
    await held.unsafe(LOCK_LOG);
    const late = queue.append(anAppend());
    const before = proxy.connections;
    // Each look is a connection.
    await until(() => proxy.connections >= before + 3);
    expect(await database.sql.unsafe(WAITING_FOR_LOG)).toHaveLength(1);
    await expect(late).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(retries).toEqual([]);
    await held`commit`;
    held.release();
    // It was at work, and has done it.
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 3 });
  });
});

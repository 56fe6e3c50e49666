import { describe, expect, it } from 'vitest';
import { callerKey, NOBODY, SYSTEM } from '../../../../src/kernel/define/access/actor.ts';
import { ThrottledError } from '../../../../src/kernel/errors.ts';
import type { Append } from '../../../../src/kernel/log/append/append.ts';
import { AppendQueue, type AppendQueueOptions } from '../../../../src/kernel/log/append/append-queue.ts';
import { anAppend, incremented } from '../../../support/kernel/appends.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { LOCK_LOG, WAITING_FOR_LOG } from '../../../support/kernel/log-lock.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** A queue whose appends wait until the test gives the lock of es.append back. */
async function heldQueue(options: Partial<AppendQueueOptions> = {}) {
  const { log } = await openEngine();
  const queue = new AppendQueue(log, { limit: 1000, batchLimit: 1000, onCommitted: () => {}, ...options });
  const held = await database.sql.reserve();
  await held`begin`;
  await held.unsafe(LOCK_LOG);
  const first = queue.append(of('first'));
  await until(async () => (await waiters()) > 0);
  const letGo = async () => {
    await held`commit`;
    held.release();
    await first;
  };
  return { queue, letGo };
}

const waiters = async () => (await database.sql.unsafe(WAITING_FOR_LOG)).length;
const transactions = async () => (await database.sql`select count(distinct xmin::text)::int as n from es.events`)[0]?.n;
const large = incremented('x'.repeat(100_000));
const of = (id: string, parts: Partial<Append> = {}) =>
  anAppend({ metadata: { actor: { id, roles: [] }, correlationId: 'test' }, ...parts });

describe('an append queue', () => {
  it('is full by bytes too: it refuses with THROTTLED and takes again later', async () => {
    const { queue, letGo } = await heldQueue({ bytes: 1_000_000 });
    const taken = [1, 2, 3, 4].map(() => queue.append(of('ann', { events: [large] })));
    expect(() => queue.append(of('bob', { events: [large] }))).toThrow(ThrottledError);
    expect(queue.bytes).toBeLessThan(1_000_000);
    const small = queue.append(of('bob'));
    await letGo();
    await Promise.all([...taken, small]);
    expect(queue.bytes).toBe(0);
    await queue.append(of('bob', { events: [large] }));
  });

  it('accepts an append that is larger than the limit if no other waits', async () => {
    const { queue, letGo } = await heldQueue({ bytes: 1000, bytesPerActor: 1000 });
    const alone = queue.append(of('ann', { events: [large] }));
    await letGo();
    expect(await alone).toMatchObject({ outcome: 'accepted' });
  });

  it('puts no more bytes into a transaction than it may', async () => {
    const { queue, letGo } = await heldQueue({ batchBytes: 500_000 });
    const appends = Array.from({ length: 6 }, () => queue.append(of('ann', { events: [large] })));
    await letGo();
    await Promise.all(appends);
    expect(await transactions()).toBe(1 + 3);
  });

  it('refuses only the actor with too many waiting appends or bytes', async () => {
    const { queue, letGo } = await heldQueue({ limitPerActor: 3, bytesPerActor: 500_000 });
    const taken = [1, 2, 3].map(() => queue.append(of('ann')));
    taken.push(...[1, 2].map(() => queue.append(of('bob', { events: [large] }))));
    expect(() => queue.append(of('ann'))).toThrow(
      /^Too many of your commands wait to be stored\. Try again in \d+ ms\.$/,
    );
    expect(() => queue.assertRoom('ann')).toThrow(ThrottledError);
    expect(() => queue.append(of('bob', { events: [large] }))).toThrow(ThrottledError);
    // Work of the system on their behalf counts as theirs, and continues.
    const metadata = { actor: SYSTEM, initiator: 'ann', correlationId: 'test' };
    taken.push(queue.append(of('system', { metadata })));
    taken.push(queue.append(of('bob')), queue.append(of('eve', { events: [large] })));
    await letGo();
    await Promise.all(taken);
    await queue.append(of('ann'));
  });

  it('counts anonymous callers by their address', async () => {
    const { queue, letGo } = await heldQueue({ limitPerActor: 2 });
    const from = (address: string) => of(NOBODY.id, { caller: callerKey(null, address) });
    const taken = [1, 2].map(() => queue.append(from('192.0.2.1')));
    expect(() => queue.append(from('192.0.2.1'))).toThrow(ThrottledError);
    taken.push(queue.append(from('192.0.2.2')));
    await letGo();
    await Promise.all(taken);
  });

  it('stores another actor’s append before most of the appends of an actor with many', async () => {
    const { queue, letGo } = await heldQueue({ batchLimit: 40 });
    const many = Array.from({ length: 400 }, () =>
      queue.append(of('ann', { events: [incremented('x'.repeat(1000))] })),
    );
    const stranger = queue.append(of('bob'));
    await letGo();
    const outcome = await stranger;
    expect(outcome.outcome === 'accepted' && outcome.position).toBeLessThan(40);
    await Promise.all(many);
  });
});

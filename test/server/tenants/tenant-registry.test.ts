import { describe, expect, it } from 'vitest';
import { TenantUnknownError } from '../../../src/kernel/errors.ts';
import type { Backoff } from '../../../src/scheduling/backoff.ts';
import { NoRoomError, type OpenedTenant, TenantRegistry } from '../../../src/server/tenants/tenant-registry.ts';
import { until } from '../../support/until.ts';

class Opened implements OpenedTenant {
  readonly tenant: string;
  isBusy = false;
  isClosed = false;
  /** Resolved when it may be closed. */
  mayClose: Promise<void> = Promise.resolve();

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  async close(): Promise<void> {
    await this.mayClose;
    this.isClosed = true;
  }
}

/** A registry that counts what it opens. `gates` hold up the opening of a tenant. */
function registryOf(limit: number, pauses?: Backoff) {
  const opened: Opened[] = [];
  const failed: string[] = [];
  const gates = new Map<string, Promise<void>>();
  const broken = new Map<string, Error>();
  const unknown = new Set<string>();
  let now = 1000;
  const pass = (ms: number) => {
    now += ms;
  };
  const registry = new TenantRegistry<Opened>({
    limit,
    find: async (tenant) => {
      if (unknown.has(tenant)) throw new TenantUnknownError();
    },
    open: async (tenant) => {
      await gates.get(tenant);
      const error = broken.get(tenant);
      if (error) throw error;
      const value = new Opened(tenant);
      opened.push(value);
      return value;
    },
    onFailed: (tenant, step) => failed.push(`${step} ${tenant}`),
    ...(pauses && { pauses }),
    now: () => now,
  });
  const visit = async (tenant: string) => {
    const { value, release } = await registry.use(tenant);
    release();
    return value;
  };
  return { registry, opened, failed, gates, broken, unknown, visit, pass };
}

describe('the registry of tenants', () => {
  it('opens a tenant once, however many ask for it at the same time', async () => {
    const { registry, opened } = registryOf(2);
    const leases = await Promise.all([registry.use('a'), registry.use('a'), registry.use('a')]);
    expect(new Set(leases.map(({ value }) => value))).toEqual(new Set(opened));
    expect(opened).toHaveLength(1);
  });

  it('closes the tenant that was not used for the longest time if another one needs its place', async () => {
    const { opened, visit, registry } = registryOf(2);
    const a = await visit('a');
    const b = await visit('b');
    await visit('a');
    await visit('c');
    expect([a.isClosed, b.isClosed]).toEqual([false, true]);
    expect(registry.counts).toMatchObject({ open: 2, opening: 0, closing: 0, limit: 2 });
    expect((await visit('b')).isClosed).toBe(false);
    expect(opened.map(({ tenant }) => tenant)).toEqual(['a', 'b', 'c', 'b']);
  });

  it('closes none that is in use or busy, and says when to try again', async () => {
    const { registry, visit } = registryOf(2);
    const used = await registry.use('a');
    const busy = await visit('b');
    busy.isBusy = true;
    await expect(registry.use('c')).rejects.toThrow(NoRoomError);
    await expect(registry.use('c')).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: expect.any(Number) });
    expect(registry.counts.failing).toBe(0);
    expect([used.value.isClosed, busy.isClosed]).toEqual([false, false]);
    used.release();
    used.release();
    expect((await visit('c')).tenant).toBe('c');
    expect([used.value.isClosed, busy.isClosed]).toEqual([true, false]);
  });

  it('does not close a tenant that somebody waits for while it is opened', async () => {
    const { registry, gates } = registryOf(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    gates.set('a', promise);
    const waiting = registry.use('a');
    await expect(registry.use('b')).rejects.toMatchObject({ code: 'THROTTLED' });
    resolve();
    expect((await waiting).value.isClosed).toBe(false);
  });

  it('opens a tenant anew after it is closed, not while it is being closed', async () => {
    const { registry, visit } = registryOf(1);
    const first = await visit('a');
    const { promise, resolve } = Promise.withResolvers<void>();
    first.mayClose = promise;
    const other = registry.use('b');
    await until(() => registry.counts.closing === 1);
    const again = registry.use('a');
    expect(registry.counts).toMatchObject({ open: 0, closing: 1 });
    resolve();
    const { release } = await other;
    expect(first.isClosed).toBe(true);
    // It waits for its place until the other one is released.
    release();
    expect((await again).value).not.toBe(first);
  });

  it('never has more tenants open than its limit, whoever asks', async () => {
    const { registry, opened } = registryOf(3);
    const names = Array.from({ length: 40 }, (_, nth) => `t${(nth * 7) % 11}`);
    await Promise.all(
      names.map(async (name) => {
        const { release } = await registry.use(name);
        expect(opened.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(3);
        release();
      }),
    );
    expect(registry.counts.open).toBe(3);
  });

  it('leaves others alone if one cannot be opened, and does not try that one again at once', async () => {
    const { registry, visit, broken, failed } = registryOf(2);
    broken.set('a', new Error('no database'));
    await expect(registry.use('a')).rejects.toMatchObject({
      code: 'THROTTLED',
      message: expect.stringMatching(/^The data of your tenant cannot be reached/),
    });
    broken.delete('a');
    await expect(registry.use('a')).rejects.toMatchObject({ code: 'THROTTLED' });
    expect(failed).toEqual(['open a']);
    expect((await visit('b')).tenant).toBe('b');
    expect(registry.counts).toMatchObject({ open: 1, failing: 1 });
  });

  it('tells those who ask during the pause how much of it is left', async () => {
    const { registry, broken, pass } = registryOf(2, { firstMs: 10_000, maxMs: 10_000 });
    broken.set('a', new Error('no database'));
    await expect(registry.use('a')).rejects.toMatchObject({ retryAfterMs: 10_000 });
    pass(7000);
    await expect(registry.use('a')).rejects.toMatchObject({
      retryAfterMs: 3000,
      message: expect.stringMatching(/Try again in 3000 ms/),
    });
  });

  it('says of a tenant that does not exist that it is unknown, which is no failure', async () => {
    const { registry, broken, failed } = registryOf(2);
    broken.set('a', new TenantUnknownError());
    await expect(registry.use('a')).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
    expect(failed).toEqual([]);
    expect(registry.counts).toMatchObject({ open: 0, failing: 0 });
  });

  it('closes nobody for a tenant that does not exist', async () => {
    const { registry, unknown, visit } = registryOf(1);
    const a = await visit('a');
    unknown.add('gone');
    await expect(registry.use('gone')).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
    expect(a.isClosed).toBe(false);
  });

  it('opens none when it stops, and waits for those that are being opened', async () => {
    const { registry, gates, opened } = registryOf(3);
    const { promise, resolve } = Promise.withResolvers<void>();
    gates.set('a', promise);
    const waiting = registry.use('a');
    const stopped = registry.stopOpening();
    await expect(registry.use('b')).rejects.toMatchObject({ code: 'THROTTLED' });
    resolve();
    expect((await stopped).map(({ tenant }) => tenant)).toEqual(['a']);
    await waiting;
    await registry.close();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  it('tries a tenant that cannot be opened less and less often, and anew after it could be', async () => {
    const { failed, broken, visit, registry, pass } = registryOf(1, { firstMs: 5, maxMs: 20 });
    /** The pause after the next attempt, which is made when the one before is over. */
    const nextPause = async () => {
      const attempts = failed.length;
      const { retryAfterMs } = await visit('a').catch((error) => error);
      expect(failed).toHaveLength(attempts + 1);
      pass(retryAfterMs - 1);
      await expect(visit('a')).rejects.toMatchObject({ retryAfterMs: 1 });
      expect(failed).toHaveLength(attempts + 1);
      pass(1);
      return retryAfterMs;
    };
    broken.set('a', new Error('broken'));
    expect([await nextPause(), await nextPause(), await nextPause(), await nextPause()]).toEqual([5, 10, 20, 20]);
    broken.clear();
    await visit('a');
    await visit('b');
    expect(registry.counts.open).toBe(1);
    broken.set('a', new Error('broken'));
    expect(await nextPause()).toBe(5);
  });
});

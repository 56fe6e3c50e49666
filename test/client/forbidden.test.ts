import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { useApp } from '../support/server/app.ts';
import { REGISTER, RENAME } from './documents.ts';
import { Line, MemoryStorage, nameOf, register, useClients, waitingIn } from './support.ts';

const app = useApp({ fulfils: false });
const createClient = useClients(app);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The client as a page loads it, which may keep nothing: its user forbids it, or it is in a frame of another site. */
async function inForbiddenPage() {
  const refuse = () => {
    throw new DOMException('Access is denied.', 'SecurityError');
  };
  vi.stubGlobal('document', {});
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      constructor() {
        refuse();
      }
    },
  );
  for (const name of ['sessionStorage', 'localStorage']) {
    const own = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { get: refuse, configurable: true });
    onTestFinished(() => {
      if (own) Object.defineProperty(globalThis, name, own);
      else Reflect.deleteProperty(globalThis, name);
    });
  }
  vi.resetModules();
  const { createAfterwrite } = await import('../../client/src/index.ts');
  const { queueIn } = await import('../../client/src/queue.ts');
  return { createAfterwrite, queueIn };
}

describe('a page that may keep nothing', () => {
  it('reads its own writes, and sends what waits when the connection is back', async () => {
    const { createAfterwrite, queueIn } = await inForbiddenPage();
    const line = new Line();
    const client = createAfterwrite({ url: `${app.url}/graphql`, fetch: line.fetch, queue: queueIn() });
    onTestFinished(() => client.close());
    const id = await register(client);
    expect(await nameOf(client, id)).toBe('Ada');
    line.isCut = true;
    const receipts = ['Grace', 'Edsger'].map((name) => client.command(RENAME, { id, name }, { queue: true }));
    await vi.waitUntil(() => line.failed > 0);
    expect(client.queued).toBe(2);
    line.isCut = false;
    expect((await Promise.all(receipts)).map(({ version }) => version)).toEqual([2, 3]);
    expect(client.queued).toBe(0);
  });
});

describe('a page that was not loaded over https', () => {
  it('sends commands, although its browser makes no UUIDs there', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
    const client = createClient();
    const made = await client.command(REGISTER, { id: randomUUID(), name: 'Ada' });
    const others = await Promise.all(Array.from({ length: 20 }, () => register(client)));
    expect(made).toMatchObject({ version: 1 });
    expect(new Set(others).size).toBe(20);
  });
});

describe('a queue whose storage', () => {
  it('is full refuses the command with a code, and keeps those before it', async () => {
    const storage = new MemoryStorage();
    const { queueIn } = await import('../../client/src/queue.ts');
    const line = new Line();
    const client = createClient({ queue: queueIn(storage), fetch: line.fetch });
    const id = await register(client);
    line.isCut = true;
    const first = client.command(RENAME, { id, name: 'Grace' }, { queue: true });
    await vi.waitUntil(() => client.queued === 1);
    storage.setItem = () => {
      throw new DOMException('There is no room.', 'QuotaExceededError');
    };
    await expect(client.command(RENAME, { id, name: 'Edsger' }, { queue: true })).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      facts: { length: 1 },
      cause: { name: 'QuotaExceededError' },
    });
    line.isCut = false;
    expect(await first).toMatchObject({ version: 2 });
  });

  it('holds what is no command removes it, and sends the others', async () => {
    const storage = new MemoryStorage();
    const { queueIn } = await import('../../client/src/queue.ts');
    const line = new Line();
    const client = createClient({ queue: queueIn(storage), fetch: line.fetch });
    const id = await register(client);
    line.isCut = true;
    const receipt = client.command(RENAME, { id, name: 'Grace' }, { queue: true });
    await vi.waitUntil(() => client.queued === 1);
    const [key = ''] = waitingIn(storage);
    storage.setItem(key.replace(/\d{16}/, '0000000000000000'), '{"operation":');
    storage.setItem(key.replace(/\d{16}/, '0000000000000001'), 'null');
    line.isCut = false;
    expect(await receipt).toMatchObject({ version: 2 });
    await vi.waitUntil(() => client.queued === 0);
  });
});

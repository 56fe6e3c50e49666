import { describe, expect, it } from 'vitest';
import type { AfterwriteOptions } from '../../client/src/index.ts';
import { queueIn } from '../../client/src/queue.ts';
import { accessToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { RENAME } from './documents.ts';
import { MemoryStorage, nameOf, useClients, waitingIn } from './support.ts';
import { takingTurns } from './taken-turns.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });
const createClient = useClients(app);
const shared = (options?: Partial<AfterwriteOptions>) => takingTurns(createClient, options);

describe('a command in the queue', () => {
  it('is not lost if the application fails to tell who is asking when it is sent', async () => {
    const { id, open, name } = await shared({ queue: queueIn(new MemoryStorage()) });
    let asked = 0;
    const auth = () => {
      // Whenever the queue has learnt who is asking, its next request fails to.
      if (asked++ % 2 === 1) throw new TypeError('the session service is away');
      return accessToken('ada', ['staff']);
    };
    expect(await open({ auth }).command(RENAME, { id, name: 'by Ada' }, { queue: true })).toMatchObject({ version: 2 });
    expect(await name()).toBe('by Ada');
  });

  it('is sent although somebody else signs out in another tab while the application fails to tell who is asking', async () => {
    const { line, id, client, open } = await shared({ queue: queueIn(new MemoryStorage()), share: 'tabs' });
    let asked = 0;
    let isBroken = false;
    const auth = () => {
      asked++;
      if (isBroken) throw new TypeError('the session service is away');
      return accessToken('grace', ['staff']);
    };
    const graces = open({ auth });
    for (const tab of [client, graces]) await nameOf(tab, id);
    line.isCut = true;
    const sent = graces.command(RENAME, { id, name: 'by Grace' }, { queue: true });
    await until(() => line.failed > 0);
    isBroken = true;
    client.signOut();
    // After these many attempts, Grace's tab has heard of it.
    const before = asked;
    await until(() => asked >= before + 4);
    isBroken = line.isCut = false;
    expect(await sent).toMatchObject({ version: 2 });
  });

  it('belongs to the last user if a new page cannot tell yet who is asking', async () => {
    const { id, page, client, open } = await shared({ queue: queueIn(new MemoryStorage()) });
    await nameOf(client, id);
    client.close();
    page.isBroken = true;
    const again = open();
    const waiting = again.command(RENAME, { id, name: 'by Ada' }, { queue: true });
    await until(() => again.queued === 1);
    page.isBroken = false;
    expect(await waiting).toMatchObject({ version: 2 });
  });

  it('belongs to the user of its own tab, whoever was asking last in another one', async () => {
    const queue = queueIn(new MemoryStorage());
    const storage = new MemoryStorage();
    const { id, page, client, open, name } = await shared({ queue, storage, share: 'tab' });
    await nameOf(client, id);
    client.close();
    const other = open({ storage: new MemoryStorage(), auth: () => accessToken('grace', ['staff']) });
    await nameOf(other, id);
    page.isBroken = true;
    const again = open();
    const waiting = again.command(RENAME, { id, name: 'by Ada' }, { queue: true });
    await until(() => again.queued === 1);
    expect(await other.command(RENAME, { id, name: 'by Grace' }, { queue: true })).toMatchObject({ version: 2 });
    expect(await name()).toBe('by Grace');
    page.isBroken = false;
    expect(await waiting).toMatchObject({ version: 3 });
  });

  it('does not pass to the user of another tab when the user of this one has signed out', async () => {
    const queue = queueIn(new MemoryStorage());
    const { id, page, client, open } = await shared({ queue, share: 'none' });
    await nameOf(client, id);
    await nameOf(open({ auth: () => accessToken('grace', ['staff']) }), id);
    client.signOut();
    page.isBroken = true;
    const refused = { code: 'UNREACHABLE', cause: expect.any(TypeError) };
    await expect(client.command(RENAME, { id, name: 'x' }, { queue: true })).rejects.toMatchObject(refused);
  });

  it('is refused if it is not known whose it is', async () => {
    const queue = new MemoryStorage();
    const { id, page, client } = await shared({ queue: queueIn(queue) });
    page.isBroken = true;
    const refused = { code: 'UNREACHABLE', cause: expect.any(TypeError) };
    await expect(client.command(RENAME, { id, name: 'x' }, { queue: true })).rejects.toMatchObject(refused);
    page.isBroken = false;
    await nameOf(client, id);
    client.signOut();
    page.isBroken = true;
    await expect(client.command(RENAME, { id, name: 'x' }, { queue: true })).rejects.toMatchObject(refused);
    expect(waitingIn(queue)).toEqual([]);
  });

  it('is never sent as somebody else for its answer, after another tab has sent it', async () => {
    const queue = new MemoryStorage();
    const { line, id, page, client, name } = await shared({ queue: queueIn(queue) });
    line.isCut = true;
    const adas = client.command(RENAME, { id, name: 'by Ada' }, { queue: true });
    adas.catch(() => undefined);
    await until(() => line.failed > 0);
    for (const key of waitingIn(queue)) queue.removeItem(key);
    page.user = 'grace';
    line.isCut = false;
    await client.signIn();
    expect(await client.command(RENAME, { id, name: 'by Grace' }, { queue: true })).toMatchObject({ version: 2 });
    expect(await name()).toBe('by Grace');
  });

  it('is not sent as somebody who signs in between two attempts', async () => {
    const { line, id, page, client, name } = await shared({ queue: queueIn(new MemoryStorage()) });
    line.isCut = true;
    const adas = client.command(RENAME, { id, name: 'by Ada' }, { queue: true });
    adas.catch(() => undefined);
    await until(() => line.failed > 0);
    page.user = 'grace';
    line.isCut = false;
    expect(await client.command(RENAME, { id, name: 'by Grace' }, { queue: true })).toMatchObject({ version: 2 });
    expect([await name(), client.queued]).toEqual(['by Grace', 1]);
    page.user = 'ada';
    await client.signIn();
    expect(await adas).toMatchObject({ version: 3 });
  });
});

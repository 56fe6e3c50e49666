import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AfterwriteOptions } from '../../client/src/index.ts';
import { queueIn } from '../../client/src/queue.ts';
import { accessToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { RENAME } from './documents.ts';
import { Line, MemoryStorage, nameOf, register, useClients, waitingIn, watch } from './support.ts';
import { takingTurns } from './taken-turns.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });
const createClient = useClients(app);
const shared = (options?: Partial<AfterwriteOptions>) => takingTurns(createClient, options);

describe('a command that is sent again', () => {
  it.each([
    ['after its user has signed out', true],
    ['although its user has not signed out', false],
  ])('is never sent as somebody who has signed in meanwhile, %s', async (_, signsOut) => {
    const { line, id, page, client, name } = await shared();
    line.isCut = true;
    const sent = client.command(RENAME, { id, name: 'by Ada' });
    const outcome = expect(sent).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await until(() => line.failed === 1);
    if (signsOut) client.signOut();
    page.user = 'grace';
    line.isCut = false;
    await client.signIn();
    await outcome;
    expect(await name()).toBe('Ada');
  });

  it('ends at once when its user signs out', async () => {
    const { line, id, client } = await shared();
    line.answer(
      Response.json({ errors: [{ message: 'later', extensions: { code: 'THROTTLED', retryAfterMs: 1e9 } }] }),
    );
    const sent = client.command(RENAME, { id, name: 'by Ada' }, { patienceMs: 2e9 });
    const outcome = expect(sent).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await until(() => line.sent.length === 1);
    // The answer is read, and the pause has begun.
    await nameOf(client, id);
    client.signOut();
    await outcome;
  });

  it('is not sent with the credentials of somebody else if its own are refused', async () => {
    const { line, id, open, name } = await shared();
    let asked = 0;
    const client = open({ auth: () => accessToken(asked++ === 0 ? 'ada' : 'grace', ['staff']) });
    line.answer(Response.json({ errors: [{ message: 'expired', extensions: { code: 'UNAUTHENTICATED' } }] }));
    await expect(client.command(RENAME, { id, name: 'by Ada' })).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect([await name(), line.sent.length]).toEqual(['Ada', 1]);
  });

  it('goes on with a renewed token that does not say whose it is', async () => {
    const line = new Line();
    const id = await register(createClient({ auth: staffToken }));
    let token = 'opaque 1';
    const client = createClient({
      fetch: line.fetch,
      auth: (rejected) => {
        if (rejected !== undefined) token = 'opaque 2';
        return token;
      },
    });
    line.answer(Response.json({ errors: [{ message: 'expired', extensions: { code: 'UNAUTHENTICATED' } }] }));
    line.answer(Response.json({ data: { renameCustomer: { __typename: 'CommandReceipt', version: 2 } } }));
    expect(await client.command(RENAME, { id, name: 'Grace' })).toMatchObject({ version: 2 });
    expect(line.sent.map((headers) => headers.get('authorization'))).toEqual(['Bearer opaque 1', 'Bearer opaque 2']);
  });

  it('leaves no access token in the storage, also of a token that does not say whose it is', async () => {
    const line = new Line();
    const storage = new MemoryStorage();
    const client = createClient({ fetch: line.fetch, auth: () => 'opaque token of Ada', queue: queueIn(storage) });
    line.isCut = true;
    const sent = client.command(RENAME, { id: randomUUID(), name: 'Ada' }, { queue: true });
    const outcome = expect(sent).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await until(() => waitingIn(storage).length === 1);
    const kept = Array.from({ length: storage.length }, (_, n) => storage.getItem(storage.key(n) ?? ''));
    expect(kept.join()).not.toContain('opaque token');
    client.signOut();
    await outcome;
  });

  it('waits for an application that cannot tell who is asking', async () => {
    const { id, page, client } = await shared();
    page.isBroken = true;
    const commandId = '7a0c0a51-6d2e-4a52-9a49-0e6e2f3c8f11';
    await expect(client.command(RENAME, { id, name: 'x', commandId }, { patienceMs: 1 })).rejects.toMatchObject({
      ...{ code: 'NO_ANSWER', facts: { commandId }, cause: { code: 'UNREACHABLE', cause: expect.any(TypeError) } },
    });
    const sent = client.command(RENAME, { id, name: 'Grace', commandId });
    await until(() => page.asked > 1);
    page.isBroken = false;
    expect(await sent).toMatchObject({ version: 2 });
  });
});

describe('the answer to a request of somebody who has gone', () => {
  it('is given to nobody, and its token is not kept', async () => {
    const { line, id, page, client } = await shared();
    const held = line.holdAnswer();
    const outcome = expect(nameOf(client, id)).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await held.answered;
    page.user = 'grace';
    await client.signIn();
    held.release();
    await outcome;
    expect(client.token).toBeUndefined();
  });

  it('is given to nobody in another tab either, which forgets what it has seen', async () => {
    const { line, id, page, client, open } = await shared({ share: 'tabs' });
    const storage = new MemoryStorage();
    const other = open({ storage });
    await nameOf(other, id);
    expect(storage.length).toBe(1);
    const held = line.holdAnswer();
    const outcome = expect(nameOf(other, id)).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await held.answered;
    page.user = 'grace';
    client.signOut();
    await until(() => other.token === undefined && storage.length === 0);
    held.release();
    await outcome;
    expect([other.token, storage.length]).toEqual([undefined, 0]);
  });

  it('leaves another tab alone if a different user is there', async () => {
    const { line, id, client, open } = await shared({ share: 'tabs' });
    const [graces, adas] = [open({ auth: () => accessToken('grace', ['staff']) }), open()];
    for (const tab of [client, graces, adas]) expect(await nameOf(tab, id)).toBe('Ada');
    const { token } = graces;
    const held = line.holdAnswer();
    const asked = nameOf(graces, id);
    await held.answered;
    client.signOut();
    await until(() => adas.token === undefined);
    // Grace's tab has heard of it too.
    await new Promise(setImmediate);
    held.release();
    expect(await asked).toBe('Ada');
    expect(graces.token).toBe(token);
  });

  it('leaves nothing in another tab, although the application cannot tell there who is asking', async () => {
    const { id, page, client, open } = await shared({ share: 'tabs' });
    const storage = new MemoryStorage();
    const other = open({ storage });
    for (const tab of [client, other]) expect(await nameOf(tab, id)).toBe('Ada');
    const shown = watch(other, id);
    await until(() => shown.names.length === 1);
    page.isBroken = true;
    client.signOut();
    await until(() => other.token === undefined && storage.length === 0);
    await until(async () => /^afterwrite_subscribers 0$/m.test(await (await fetch(`${app.url}/metrics`)).text()));
    page.user = 'grace';
    page.isBroken = false;
    await until(() => shown.names.length === 2);
    expect(shown).toMatchObject({ names: ['Ada', 'Ada'], ending: undefined });
  });
});

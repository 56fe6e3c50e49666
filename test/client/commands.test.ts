import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFetch } from '../../client/src/fetch.ts';
import { CommandError, type QueuedOutcome } from '../../client/src/index.ts';
import { queueIn } from '../../client/src/queue.ts';
import { accessToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { REGISTER, RENAME, RENAME_AND_FAIL } from './documents.ts';
import { Line, MemoryStorage, nameOf, register, useClients, waitingIn } from './support.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });
const createClient = useClients(app);
const auth = () => staffToken();

describe('a command', () => {
  it('takes effect once although its answer was lost', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    const id = await register(client);
    line.loseAnswer();
    const receipt = await client.command(RENAME, { id, name: 'Grace' });
    expect(receipt).toMatchObject({ version: 2, replayed: true });
    expect(line.sent).toHaveLength(3);
  });

  it('is sent again when the server says that it may be', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    const id = await register(client);
    const extensions = { code: 'THROTTLED', retryAfterMs: 20 };
    line.answer(Response.json({ errors: [{ message: 'later', extensions }] }, { status: 503 }));
    line.answer(new Response('<html>', { status: 502 }));
    expect(await client.command(RENAME, { id, name: 'Grace' })).toMatchObject({ version: 2, replayed: false });
  });

  it('is sent again if an attempt has no answer in time', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    const id = await register(client);
    const { answered, release } = line.holdAnswer();
    const sent = client.command(RENAME, { id, name: 'Grace' }, { attemptMs: 2000 });
    await answered;
    expect(await sent).toMatchObject({ version: 2, replayed: true });
    release();
    expect(line.sent).toHaveLength(3);
  });

  it('is sent again if the application does not say in time who is asking', async () => {
    let asked = 0;
    const hangs = new Promise<string>(() => {});
    const id = await register(createClient({ auth }));
    const client = createClient({ auth: () => (asked++ === 0 ? hangs : staffToken()) });
    expect(await client.command(RENAME, { id, name: 'Grace' }, { attemptMs: 2000 })).toMatchObject({ version: 2 });
  });

  it('gives up after its patience and says which command may have been accepted', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    line.isCut = true;
    const commandId = randomUUID();
    const sent = client.command(RENAME, { id: randomUUID(), name: 'Grace', commandId }, { patienceMs: 1 });
    await expect(sent).rejects.toMatchObject({
      ...{ name: 'AfterwriteError', code: 'NO_ANSWER', facts: { commandId } },
      cause: { code: 'UNREACHABLE' },
    });
  });

  it('that is refused rejects with the code and the facts of the answer', async () => {
    const client = createClient({ auth });
    const unknown = client.command(RENAME, { id: randomUUID(), name: 'Grace' });
    await expect(unknown).rejects.toBeInstanceOf(CommandError);
    await expect(unknown).rejects.toMatchObject({ code: 'AGGREGATE_NOT_FOUND', facts: { type: 'AggregateNotFound' } });
    const invalid = client.command(REGISTER, { id: randomUUID(), name: '' });
    await expect(invalid).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      facts: { issues: [{ path: ['name'] }] },
    });
  });

  it('that was accepted resolves to its receipt although everything that it reads fails', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    const id = await register(client);
    const receipt = await client.command(RENAME_AND_FAIL, { id, name: 'Grace' });
    expect(receipt).toMatchObject({ aggregateId: id, version: 2, replayed: false, query: null });
    expect(client.token).toBe(receipt.token);
    expect(await nameOf(client, id)).toBe('Grace');
    expect(line.sent).toHaveLength(3);
  });

  it('that was accepted is not sent again if only its reads have taken too long', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch });
    const id = await register(client);
    const { token } = client;
    const errors = [{ message: 'too long', path: ['renameCustomer', 'query'], extensions: { code: 'TIMEOUT' } }];
    const accepted = [{ field: 'renameCustomer', commandId: randomUUID(), version: 2, token }];
    line.answer(Response.json({ data: null, errors, extensions: { accepted, consistency: { token } } }));
    expect(await client.command(RENAME, { id, name: 'Grace' })).toMatchObject({ version: 2, token });
    const other = [{ message: 'later', path: ['other'], extensions: { code: 'THROTTLED', retryAfterMs: 1 } }];
    line.answer(Response.json({ data: null, errors: other, extensions: { accepted, consistency: { token } } }));
    // The second command of this request has no answer yet.
    await client.mutate(RENAME, { id, name: 'Grace' });
    expect(line.sent).toHaveLength(4);
  });

  it('that was accepted is named by the error of a plain request', async () => {
    const client = createClient({ auth });
    const id = await register(client);
    await expect(createFetch(client)(RENAME_AND_FAIL, { id, name: 'Grace' })).rejects.toMatchObject({
      ...{ name: 'RequestError', code: 'BAD_USER_INPUT', accepted: [{ aggregateId: id, version: 2 }] },
    });
  });

  it('has to take an id, and to select its outcome', async () => {
    const client = createClient({ auth });
    const rename = (head: string, commandId: string) =>
      `mutation ${head} { renameCustomer(input: { customerId: "${randomUUID()}", name: "x" }, ${commandId}) { __typename } }`;
    await expect(client.command(rename('', 'commandId: null'))).rejects.toMatchObject({ code: 'COMMAND_ID_MISSING' });
    await expect(client.command(rename('($commandId: ID)', 'commandId: $commandId'))).rejects.toMatchObject({
      code: 'RESULT_UNKNOWN',
    });
  });
});

describe('commands that wait in the queue', () => {
  it('are sent in order when the server can be reached again', async () => {
    const line = new Line();
    const queue = new MemoryStorage();
    const client = createClient({ auth, queue: queueIn(queue), fetch: line.fetch });
    const id = await register(client);
    line.isCut = true;
    const receipts = ['Grace', 'Edsger', 'Barbara'].map((name) =>
      client.command(RENAME, { id, name }, { queue: true }),
    );
    await until(() => client.queued === 3);
    line.isCut = false;
    expect((await Promise.all(receipts)).map(({ version }) => version)).toEqual([2, 3, 4]);
    expect([client.queued, waitingIn(queue), await nameOf(client, id)]).toEqual([0, [], 'Barbara']);
  });

  it('are sent in the order of the calls, however late the application tells whose each is', async () => {
    const answers: PromiseWithResolvers<string>[] = [];
    let isSlow = false;
    const client = createClient({
      auth: () => {
        if (!isSlow) return staffToken();
        const answer = Promise.withResolvers<string>();
        answers.push(answer);
        return answer.promise;
      },
      queue: queueIn(new MemoryStorage()),
    });
    const id = await register(client);
    isSlow = true;
    const receipts = ['Grace', 'Edsger', 'Barbara'].map((name) =>
      client.command(RENAME, { id, name }, { queue: true }),
    );
    isSlow = false;
    expect(answers).toHaveLength(3);
    for (const answer of answers.reverse()) {
      answer.resolve(await staffToken());
      // Everything that this answer alone can set off has happened.
      await new Promise(setImmediate);
    }
    expect((await Promise.all(receipts)).map(({ version }) => version)).toEqual([2, 3, 4]);
  });

  it('wait for their turn in vain if their user signs out meanwhile', async () => {
    const first = Promise.withResolvers<string>();
    const answers: (Promise<string> | string)[] = [first.promise, await staffToken()];
    const queue = new MemoryStorage();
    const client = createClient({ auth: () => answers.shift() ?? staffToken(), queue: queueIn(queue) });
    const receipts = ['Grace', 'Edsger'].map((name) =>
      client.command(RENAME, { id: randomUUID(), name }, { queue: true }),
    );
    const outcome = Promise.allSettled(receipts);
    await new Promise(setImmediate);
    client.signOut();
    first.resolve(await staffToken());
    const refused = { status: 'rejected', reason: { code: 'SIGNED_OUT' } };
    expect(await outcome).toMatchObject([refused, refused]);
    expect(waitingIn(queue)).toEqual([]);
  });

  it('outlive a fault of the server', async () => {
    const line = new Line();
    const client = createClient({ auth, queue: queueIn(new MemoryStorage()), fetch: line.fetch });
    const id = await register(client);
    // The first one passes, the second one lasts longer than the server is asked again and again.
    for (const retryAfterMs of [1, 1e9]) {
      const extensions = { code: 'INTERNAL_SERVER_ERROR', retryAfterMs };
      line.answer(Response.json({ errors: [{ message: 'a fault', extensions }] }));
    }
    expect(await client.command(RENAME, { id, name: 'Grace' }, { queue: true })).toMatchObject({ version: 2 });
    expect(line.sent).toHaveLength(4);
  });

  it('do not wait for ever for one at which the server fails each time', async () => {
    const line = new Line();
    const client = createClient({ auth, queue: queueIn(new MemoryStorage()), fetch: line.fetch });
    const id = await register(client);
    const extensions = { code: 'INTERNAL_SERVER_ERROR', retryAfterMs: 1e9 };
    const errors = [{ message: 'a fault', path: ['renameCustomer'], extensions }];
    line.answer(Response.json({ data: null, errors }));
    const failing = client.command(RENAME, { id, name: 'Nobody' }, { queue: true });
    const accepted = client.command(RENAME, { id, name: 'Grace' }, { queue: true });
    await expect(failing).rejects.toMatchObject({ code: 'NO_ANSWER', cause: { code: 'INTERNAL_SERVER_ERROR' } });
    expect(await accepted).toMatchObject({ version: 2 });
  });

  it('outlive their page, and take effect once although the answer was lost', async () => {
    const line = new Line();
    const queue = new MemoryStorage();
    const first = createClient({ auth, queue: queueIn(queue), fetch: line.fetch });
    const id = await register(first);
    line.loseAnswer();
    const waiting = first.command(RENAME, { id, name: 'Grace' }, { queue: true });
    await until(() => line.sent.length === 2);
    first.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    const again = createClient({ auth, queue: queueIn(queue) });
    const outcomes: QueuedOutcome[] = [];
    again.onQueued((outcome) => outcomes.push(outcome));
    await until(() => outcomes.length > 0);
    expect(outcomes[0]).toMatchObject({ receipt: { version: 2, replayed: true } });
    expect(waitingIn(queue)).toEqual([]);
  });

  it('do not wait for one that is refused', async () => {
    const client = createClient({ auth, queue: queueIn(new MemoryStorage()) });
    const id = await register(client);
    const refused = client.command(RENAME, { id: randomUUID(), name: 'Nobody' }, { queue: true });
    const accepted = client.command(RENAME, { id, name: 'Grace' }, { queue: true });
    await expect(refused).rejects.toMatchObject({ code: 'AGGREGATE_NOT_FOUND' });
    expect(await accepted).toMatchObject({ version: 2 });
  });

  it('of two tabs take effect once each, and each tab learns of its own', async () => {
    const queue = new MemoryStorage();
    const tabs = [
      createClient({ auth, queue: queueIn(queue) }),
      createClient({ auth, queue: queueIn(queue) }),
    ] as const;
    const id = await register(tabs[0]);
    const receipts = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name, nth) =>
        tabs[nth % 2 === 0 ? 0 : 1].command(RENAME, { id, name }, { queue: true }),
      ),
    );
    expect(receipts.map(({ version }) => version).sort()).toEqual([2, 3, 4, 5]);
  });

  it('are forgotten when their user signs out, and stay for a user who is not there', async () => {
    const line = new Line();
    const queue = new MemoryStorage();
    let user = 'ada';
    const client = createClient({ auth: () => accessToken(user, ['staff']), queue: queueIn(queue), fetch: line.fetch });
    const id = await register(client);
    line.isCut = true;
    const adas = client.command(RENAME, { id, name: 'by Ada' }, { queue: true });
    adas.catch(() => undefined);
    await until(() => client.queued === 1);
    user = 'grace';
    await client.signIn();
    const graces = client.command(RENAME, { id, name: 'by Grace' }, { queue: true });
    graces.catch(() => undefined);
    await until(() => client.queued === 2);
    client.signOut();
    await expect(graces).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(client.queued).toBe(1);
    line.isCut = false;
    user = 'ada';
    await client.signIn();
    await until(() => client.queued === 0);
    expect(await nameOf(client, id)).toBe('by Ada');
  });
});

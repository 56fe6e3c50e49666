import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ env: WITH_AUTH });
const QUERY = `query ($aggregateId: ID, $actorId: ID, $first: Int, $after: String) {
  auditTrail(aggregateId: $aggregateId, actorId: $actorId, first: $first, after: $after) {
    edges { cursor node { aggregateType aggregateId version eventType occurredAt actorId correlationId causationId commandId summary } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface Entry {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly version: number;
  readonly eventType: string;
  readonly occurredAt: string;
  readonly actorId: string | null;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly commandId: string | null;
  readonly summary: string;
}
interface Trail {
  readonly edges: readonly { readonly cursor: string; readonly node: Entry }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly endCursor: string | null;
  };
}

let staff: string;
beforeAll(async () => {
  staff = await staffToken();
});

const ask = (variables: object, token: string | undefined = staff, after?: string) =>
  app.query<{ auditTrail: Trail }>(QUERY, { ...variables }, { token, headers: after ? { 'read-after': after } : {} });
async function trail(variables: object, after?: string): Promise<Trail> {
  const answer = await ask(variables, staff, after);
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data.auditTrail;
}
const nodes = ({ edges }: Trail) => edges.map(({ node }) => node);
const gbp = (amount: number) => ({ amount, currency: 'GBP' });

describe('the audit trail', () => {
  it('says of a command’s event who, what, when, and for which request and command, once it is waited for', async () => {
    const id = randomUUID();
    const token = await customerToken(id);
    const commandId = randomUUID();
    const name = 'Ada Lovelace';
    const headers = { 'x-correlation-id': 'request-7' };
    await registerCustomer(app, { id, name, email: 'ada@example.org' }, { token, commandId, headers });
    const renamed = await accepted(app, 'renameCustomer', { customerId: id, name: 'Ada King' }, { token: staff });
    const entries = nodes(await trail({ aggregateId: id.toUpperCase() }, renamed.token));
    expect(entries).toEqual([
      expect.objectContaining({ eventType: 'CustomerRenamed', version: 2, actorId: 'clerk', summary: '' }),
      {
        aggregateType: 'Customer',
        aggregateId: id,
        version: 1,
        eventType: 'CustomerRegistered',
        occurredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        actorId: id,
        correlationId: 'request-7',
        causationId: null,
        commandId,
        summary: '',
      },
    ]);
  });

  it('follows a request through the processes that it set off', async () => {
    const options = { token: staff };
    const open = async () =>
      (await accepted(app, 'openAccount', { owner: 'ada', currency: 'GBP' }, options)).aggregateId;
    const [from, to] = [await open(), await open()];
    await accepted(app, 'deposit', { accountId: from, amount: gbp(100), reference: 'pocket money' }, options);
    const headers = { 'x-correlation-id': 'the-transfer' };
    const wish = { fromAccountId: from, toAccountId: to, amount: gbp(30), reference: 'for the flowers' };
    const { aggregateId: id } = await accepted(app, 'transfer', wish, { ...options, headers });
    const events = async () =>
      app.database
        .sql`select event_id::text as id, type, command_id::text as command, metadata ->> 'causationId' as cause
        from es.events where metadata ->> 'correlationId' = 'the-transfer' order by position desc`;
    // Money received, both accounts closed, and the process has seen it.
    await until(async () => (await events()).filter(({ type }) => type === 'TransferClosed').length === 2);
    const all = await events();
    const [{ head } = {}] = await app.database.sql`select max(position)::int as head from es.events`;
    const entries = nodes(await trail({ first: 100 }, app.engine.tokens.encode(head))).filter(
      ({ correlationId }) => correlationId === 'the-transfer',
    );
    expect(entries.map(({ eventType }) => eventType)).toEqual(all.map(({ type }) => type));
    expect(entries.map(({ causationId }) => causationId)).toEqual(all.map(({ cause }) => cause));
    expect(entries.map(({ commandId }) => commandId)).toEqual(all.map(({ command }) => command));
    const of = (eventType: string) => entries.find((entry) => entry.eventType === eventType);
    expect(of('TransferRequested')).toMatchObject({ actorId: 'clerk', causationId: null, aggregateId: id });
    expect(of('TransferRequested')?.summary).toBe(
      `fromAccountId: "${from}", toAccountId: "${to}", amount: {amount: 30, currency: "GBP"}`,
    );
    expect(of('MoneySent')).toMatchObject({
      aggregateType: 'Account',
      aggregateId: from,
      actorId: 'system',
      summary: `amount: {amount: 30, currency: "GBP"}, balance: 70, transferId: "${id}"`,
    });
    // Each of the others was caused by an event that is in the trail itself.
    const requested = all.find(({ type }) => type === 'TransferRequested');
    expect(of('SettlementBegun')).toMatchObject({ aggregateType: 'Settlement', causationId: requested?.id });
    const ids = new Set(all.map(({ id }) => id));
    const caused = entries.filter(({ eventType }) => eventType !== 'TransferRequested');
    expect(caused.every(({ causationId }) => ids.has(causationId))).toBe(true);
    expect(JSON.stringify(entries)).not.toContain('flowers');
    const whole = nodes(await trail({ aggregateId: id }));
    expect(new Set(whole.map(({ aggregateType }) => aggregateType))).toEqual(new Set(['Transfer', 'Settlement']));
  });

  it('is filtered by aggregate and by actor, and by both', async () => {
    const [ada, bob] = [await accessToken('ada', ['customer']), await accessToken('bob', ['customer'])];
    const note = { title: 'x', content: 'y' };
    const { aggregateId: adas } = await accepted(app, 'createNote', note, { token: ada });
    await accepted(app, 'createNote', note, { token: bob });
    const { token } = await accepted(app, 'tagNote', { noteId: adas, tag: 'read' }, { token: staff });
    expect(nodes(await trail({ actorId: 'ada' }, token)).map(({ aggregateId }) => aggregateId)).toEqual([adas]);
    expect(nodes(await trail({ aggregateId: adas })).map(({ actorId }) => actorId)).toEqual(['clerk', 'ada']);
    expect(nodes(await trail({ aggregateId: adas, actorId: 'clerk' }))).toMatchObject([{ eventType: 'NoteTagged' }]);
    expect(nodes(await trail({ aggregateId: adas, actorId: 'bob' }))).toEqual([]);
    expect(nodes(await trail({ aggregateId: randomUUID() }))).toEqual([]);
    expect(nodes(await trail({ actorId: 'nobody-of-this-name' }))).toEqual([]);
  });

  it('shows all of the past once, newest first and page by page, while more happens', async () => {
    const names = Array.from({ length: 45 }, (_, n) => `Customer ${n}`);
    const receipts = await Promise.all(names.map((name) => registerCustomer(app, { name }, { token: staff })));
    const last = Math.max(...receipts.map(({ token }) => app.engine.tokens.decode(token)));
    const past = (await app.engine.log.read(0, 10_000)).filter(({ position }) => position <= last);
    await trail({ first: 1 }, app.engine.tokens.encode(last));
    // A process has the id of what it carries through.
    const expected = past.map(({ streamType, streamId, version }) => `${streamType} ${streamId} ${version}`).reverse();
    for (const first of [7, 100]) {
      const seen: string[] = [];
      let writing = Promise.resolve<unknown>(undefined);
      for (let after: string | null = null, more = true; more; ) {
        const next: Trail = await trail({ first, after });
        expect(next.edges.length).toBeLessThanOrEqual(first);
        expect(next.pageInfo.hasPreviousPage).toBe(after !== null);
        seen.push(...nodes(next).map((entry) => `${entry.aggregateType} ${entry.aggregateId} ${entry.version}`));
        after = next.pageInfo.endCursor;
        more = next.pageInfo.hasNextPage;
        writing = Promise.all([writing, registerCustomer(app, {}, { token: staff })]);
      }
      await writing;
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((key) => expected.includes(key))).toEqual(expected);
    }
  });

  it('has 20 entries unless told', async () => {
    expect((await trail({})).edges).toHaveLength(20);
    expect((await trail({ first: 0 })).edges).toEqual([]);
  });
});

describe('who may see the audit trail', () => {
  it.each(['staff', 'admin'] as const)('%s may', async (role) => {
    const answer = await ask({ first: 1 }, await accessToken('somebody', [role]));
    expect(answer.errors).toBeUndefined();
    expect(answer.data.auditTrail.edges).toHaveLength(1);
  });

  it('customers may not, even what they have done themselves, nor may who is not signed in', async () => {
    const id = randomUUID();
    const token = await customerToken(id);
    await registerCustomer(app, { id }, { token });
    for (const variables of [{}, { actorId: id }, { aggregateId: id }]) {
      const answer = await ask(variables, token);
      expectRequestError(answer, 'FORBIDDEN');
      expect(answer.text).not.toContain('CustomerRegistered');
      expectRequestError(await app.query(QUERY, variables), 'UNAUTHENTICATED');
    }
    expectRequestError(await ask({}, await accessToken('guest', [])), 'FORBIDDEN');
  });
});

describe('a question that cannot be answered', () => {
  it.each([
    ['an aggregate that is no id', { aggregateId: 'order 7' }],
    ['an actor that no text can be', { actorId: 'a\u0000b' }],
    ['an actor of half a character', { actorId: '\ud800' }],
    ['a page of more than 100', { first: 101 }],
    ['a page of less than nothing', { first: -1 }],
    ['a page that is no number', { first: 'ten' }],
    ['a cursor that is none', { after: 'nonsense' }],
    ['a cursor of a text', { after: Buffer.from('["position desc","x"]').toString('base64url') }],
    ['an empty cursor', { after: '' }],
  ])('is refused in words: %s', async (_, variables) => {
    expectRequestError(await ask(variables), 'BAD_USER_INPUT');
  });

  it('is refused in words: a cursor of another list', async () => {
    await registerCustomer(app, {}, { token: staff });
    const answer = await app.query<{ notes: { edges: { cursor: string }[] } }>(
      '{ notes(first: 1) { edges { cursor } } }',
      {},
      { token: staff },
    );
    expectRequestError(await ask({ after: answer.data.notes.edges[0]?.cursor }), 'BAD_USER_INPUT');
  });
});

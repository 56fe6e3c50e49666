import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../../src/domains/index.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import type { Answer } from '../../../support/client/http-client.ts';
import { ADDRESS, accepted, placeOrder, registerCustomer, registerProduct } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

// Everything that takes an id is asked twice: about what belongs to somebody else, and about what is not there. The answers
// must not differ in anything but the id itself.

const app = useApp({ env: WITH_AUTH, fulfils: false });
const open = useTransports(app);

const gbp = (amount: number) => ({ amount, currency: 'GBP' });
const LINES = (productId: string) => [{ productId, quantity: 1 }];

interface Person {
  readonly id: string;
  readonly token: string;
  readonly orderId: string;
  readonly noteId: string;
  readonly accountId: string;
  readonly transferId: string;
  /** One under which a command of theirs was accepted. */
  readonly commandId: string;
}

let productId: string;
let ada: Person;
let bob: Person;
let callers: Readonly<Record<string, string | undefined>>;
/** After everything that is set up. */
let after: string;

beforeAll(async () => {
  const staff = { token: await staffToken() };
  productId = (await registerProduct(app, {}, staff)).aggregateId;
  const join = async (name: string): Promise<Person> => {
    const id = randomUUID();
    const token = await customerToken(id);
    const as = { token };
    await registerCustomer(app, { id, name }, as);
    await accepted(app, 'registerAuthor', { id, displayName: name }, as);
    const order = await placeOrder(app, { customerId: id, productId }, {}, as);
    const note = await accepted(app, 'createNote', { title: name, content: 'secret' }, as);
    const account = await accepted(app, 'openAccount', { owner: id, currency: 'GBP' }, as);
    const accountId = account.aggregateId;
    await accepted(app, 'deposit', { accountId, amount: gbp(100) }, staff);
    const sent = { fromAccountId: accountId, toAccountId: randomUUID(), amount: gbp(1) };
    const transfer = await accepted(app, 'transfer', sent, as);
    const commandId = randomUUID();
    const last = await accepted(
      app,
      'renameNote',
      { noteId: note.aggregateId, title: `${name}!` },
      { token, commandId },
    );
    after = last.token;
    return {
      ...{ id, token, commandId, accountId },
      ...{ orderId: order.aggregateId, noteId: note.aggregateId, transferId: transfer.aggregateId },
    };
  };
  ada = await join('Ada');
  bob = await join('Bob');
  await caughtUp(app, after);
  callers = {
    'another customer': ada.token,
    'somebody without a role': await accessToken('guest', []),
    'somebody who is not signed in': undefined,
  };
});

/** An answer without the id that it was about. */
function withoutId({ status, data, errors }: Answer<unknown>, id: string): unknown {
  return JSON.parse(JSON.stringify({ status, data, errors }).replaceAll(id, '<id>'));
}

/** Every command of the API that is about an existing aggregate: its input, and which of a person's ids it is about. */
const commands: Readonly<Record<string, readonly [of: keyof Person, input: (id: string) => Record<string, unknown>]>> =
  {
    renameCustomer: ['id', (customerId) => ({ customerId, name: 'X' })],
    addOrderItem: ['orderId', (orderId) => ({ orderId, ...LINES(productId)[0] })],
    removeOrderItem: ['orderId', (orderId) => ({ orderId, productId })],
    confirmOrder: ['orderId', (orderId) => ({ orderId })],
    shipOrder: ['orderId', (orderId) => ({ orderId, carrier: 'UPS', trackingNumber: '1' })],
    confirmDelivery: ['orderId', (orderId) => ({ orderId })],
    cancelOrder: ['orderId', (orderId) => ({ orderId, reason: 'Spite.' })],
    renameNote: ['noteId', (noteId) => ({ noteId, title: 'X' })],
    editNote: ['noteId', (noteId) => ({ noteId, content: 'X' })],
    tagNote: ['noteId', (noteId) => ({ noteId, tag: 'x' })],
    untagNote: ['noteId', (noteId) => ({ noteId, tag: 'x' })],
    archiveNote: ['noteId', (noteId) => ({ noteId })],
    restoreNote: ['noteId', (noteId) => ({ noteId })],
    revertNote: ['noteId', (noteId) => ({ noteId, version: 1 })],
    deposit: ['accountId', (accountId) => ({ accountId, amount: gbp(1) })],
    withdraw: ['accountId', (accountId) => ({ accountId, amount: gbp(1) })],
  };

/** Commands that create something, with an id that is somebody else's. */
const creations: typeof commands = {
  placeOrder: ['orderId', (id) => ({ id, customerId: ada.id, items: LINES(productId), shippingAddress: ADDRESS })],
  createNote: ['noteId', (id) => ({ id, title: 'X', content: 'X' })],
  openAccount: ['accountId', (id) => ({ id, owner: ada.id, currency: 'GBP' })],
  transfer: ['transferId', (id) => ({ id, fromAccountId: ada.accountId, toAccountId: randomUUID(), amount: gbp(1) })],
  registerCustomer: ['id', (id) => ({ id, name: 'X', email: 'x@example.org' })],
};

/** Commands about what everybody may see. */
const OPEN = [
  ...['registerProduct', 'changeProductPrice', 'receiveStock'],
  ...['registerAuthor', 'renameAuthor', 'publishArticle', 'tagArticle', 'comment'],
];

describe('a command on what belongs to somebody else', () => {
  it('is tried below for every command of the API', () => {
    const all = domains.flatMap((domain) => domain.commands.map(({ name }) => name));
    expect([...Object.keys(commands), ...Object.keys(creations), ...OPEN].sort()).toEqual(all.sort());
  });

  const keys = { none: () => undefined, 'a new': randomUUID, 'her own': () => ada.commandId, his: () => bob.commandId };
  it.each(Object.keys(commands))(
    'is answered by %s as if it were not there, whoever asks and however',
    async (name) => {
      const [of, input] = commands[name]!;
      for (const [who, token] of Object.entries(callers)) {
        for (const expectedVersion of [null, 0, 1, 99]) {
          for (const [whose, key] of Object.entries(keys)) {
            const commandId = key() ?? null;
            const ask = (id: string) => app.tryCommand(name, input(id), { token, expectedVersion, commandId });
            const absentId = randomUUID();
            const absent = withoutId(await ask(absentId), absentId);
            const foreign = withoutId(await ask(bob[of]), bob[of]);
            expect(foreign, `${who}, version ${expectedVersion}, ${whose} command id`).toEqual(absent);
            expect(JSON.stringify(foreign)).not.toContain('actualVersion');
          }
        }
      }
    },
  );

  it.each(Object.keys(creations))('is told by %s no version: only, if at all, that the id is taken', async (name) => {
    const [of, input] = creations[name]!;
    for (const [who, token] of Object.entries(callers)) {
      for (const expectedVersion of [1, 2, 3, 99]) {
        const ask = (id: string) => app.tryCommand(name, input(id), { token, expectedVersion });
        const freeId = randomUUID();
        const free = withoutId(await ask(freeId), freeId);
        expect(withoutId(await ask(bob[of]), bob[of]), `${who}, version ${expectedVersion}`).toEqual(free);
      }
      for (const expectedVersion of [null, 0]) {
        const { data, errors } = await app.tryCommand(name, input(bob[of]), { token, expectedVersion });
        if (errors) expect(['UNAUTHENTICATED', 'FORBIDDEN']).toContain(errors[0]?.extensions.code);
        else expect(data?.[name]).toMatchObject({ __typename: 'CommandRejected', code: 'ID_TAKEN' });
      }
    }
  });

  it('tells its owner and staff what there is', async () => {
    const staff = await staffToken();
    for (const token of [bob.token, staff]) {
      const stale = await app.command('renameNote', { noteId: bob.noteId, title: 'X' }, { token, expectedVersion: 99 });
      expect(stale).toMatchObject({ __typename: 'ConcurrencyConflict', actualVersion: 2 });
      const again = { id: bob.noteId, title: 'X', content: 'X' };
      expect(await app.command('createNote', again, { token })).toMatchObject({ code: 'NOTE_ALREADY_EXISTS' });
      const opened = { id: bob.accountId, owner: bob.id, currency: 'GBP' };
      const conflict = await app.command('openAccount', opened, { token, expectedVersion: 99 });
      expect(conflict.__typename).toBe('ConcurrencyConflict');
      expect(conflict.actualVersion).toBeGreaterThan(1);
    }
  });
});

/** Every query that takes an id of something that not everybody may see. */
const queries: Readonly<Record<string, readonly [of: keyof Person, document: (id: string) => string]>> = {
  order: ['orderId', (id) => `{ order(id: "${id}") { id version customer { name } } }`],
  'orderAsOf (version)': ['orderId', (id) => `{ orderAsOf(id: "${id}", version: 1) { version } }`],
  'orderAsOf (time)': ['orderId', (id) => `{ orderAsOf(id: "${id}", at: "2100-01-01T00:00:00Z") { orderId } }`],
  'node (order)': ['orderId', (id) => `{ node(id: "${id}") { __typename id } }`],
  'node (note)': ['noteId', (id) => `{ node(id: "${id}") { ... on Note { versions { totalCount } } } }`],
  'node (account)': ['accountId', (id) => `{ node(id: "${id}") { id } }`],
  'nodes (transfer)': ['transferId', (id) => `{ nodes(ids: ["${id}"]) { __typename id } }`],
  'versions of an order': ['orderId', (id) => `{ order(id: "${id}") { versions { totalCount } } }`],
  'number of orders': ['id', (id) => `{ orders(filter: { customerId: "${id}" }) { totalCount } }`],
  customer: ['id', (id) => `{ customer(id: "${id}") { name version orders { edges { node { id } } } } }`],
  'orders of a customer': ['id', (id) => `{ orders(filter: { customerId: "${id}" }) { edges { cursor } } }`],
  'orders by search': ['orderId', (id) => `{ orders(filter: { search: "${id}" }) { edges { cursor } } }`],
  'customers by search': ['id', (id) => `{ customers(filter: { search: "${id}" }) { edges { cursor } } }`],
  note: ['noteId', (id) => `{ note(id: "${id}") { id version } }`],
  'noteAsOf (version)': ['noteId', (id) => `{ noteAsOf(id: "${id}", version: 1) { noteId } }`],
  'noteAsOf (time)': ['noteId', (id) => `{ noteAsOf(id: "${id}", at: "2100-01-01T00:00:00Z") { noteId } }`],
  account: ['accountId', (id) => `{ account(id: "${id}") { version entries { edges { cursor } } } }`],
  balanceAt: ['accountId', (id) => `{ balanceAt(accountId: "${id}", at: "2100-01-01T00:00:00Z") { amount } }`],
  'accounts of an owner': ['id', (id) => `{ accounts(filter: { owner: "${id}" }) { edges { cursor } } }`],
  'transfers of an account': [
    'accountId',
    (id) => `{ transfers(filter: { accountId: "${id}" }) { edges { cursor } } }`,
  ],
  transfer: ['transferId', (id) => `{ transfer(id: "${id}") { state failure } }`],
  fulfilment: ['orderId', (id) => `{ fulfilment(orderId: "${id}") { state failure steps { name } } }`],
  'auditTrail (aggregate)': ['orderId', (id) => `{ auditTrail(aggregateId: "${id}") { edges { cursor } } }`],
  'auditTrail (actor)': ['id', (id) => `{ auditTrail(actorId: "${id}") { edges { cursor } } }`],
};

describe('a query for what belongs to somebody else', () => {
  it.each(Object.keys(queries))('is answered by %s as if it were not there', async (name) => {
    const [of, document] = queries[name]!;
    for (const [who, token] of Object.entries(callers)) {
      const absentId = randomUUID();
      const absent = withoutId(await app.query(document(absentId), {}, { token }), absentId);
      const foreign = withoutId(await app.query(document(bob[of]), {}, { token }), bob[of]);
      expect(foreign, who).toEqual(absent);
    }
  });
});

/** Every subscription to a row that not everybody may see. */
const subscriptions: typeof queries = {
  orderUpdated: ['orderId', (id) => `subscription { orderUpdated(id: "${id}") { id version } }`],
  customerUpdated: ['id', (id) => `subscription { customerUpdated(id: "${id}") { id version } }`],
  accountUpdated: ['accountId', (id) => `subscription { accountUpdated(id: "${id}") { id version } }`],
  transferUpdated: ['transferId', (id) => `subscription { transferUpdated(id: "${id}") { id state } }`],
  noteUpdated: ['noteId', (id) => `subscription { noteUpdated(id: "${id}") { id version } }`],
  fulfilmentUpdated: ['orderId', (id) => `subscription { fulfilmentUpdated(orderId: "${id}") { orderId state } }`],
};

describe.each(['WebSocket', 'SSE by POST'] as const)('a subscription (%s)', (way) => {
  it.each(Object.keys(subscriptions))(
    '%s to another’s row is answered as one to a row that is not there',
    async (name) => {
      const [of, document] = subscriptions[name]!;
      for (const [who, token] of Object.entries(callers)) {
        const ask = async (id: string) => {
          const { data, errors } = await open(way, { token }).subscribe(document(id), {}).next();
          return JSON.parse(JSON.stringify({ data, errors }).replaceAll(id, '<id>'));
        };
        expect(await ask(bob[of]), who).toEqual(await ask(randomUUID()));
      }
    },
  );
});

import { randomUUID } from 'node:crypto';
import { assertInputObjectType } from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../../src/domains/index.ts';
import { buildSchema } from '../../../../src/graphql/schema.ts';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { badInputs, literalOf } from '../../../../src/testing/bad-inputs.ts';
import { inputTypeOf, outcomeFields } from '../../../support/client/http-client.ts';
import { expectRefusal, expectRequestError } from '../../../support/client/refusals.ts';
import { ADDRESS, accepted, openShop, placeOrder, registerProduct } from '../../../support/client/shop.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ fulfils: false });
const registry = registerDomains(domains);
const schema = buildSchema(domains, registry);
/** Text that may say nothing. */
const MAY_BE_EMPTY = ['content'];
const PRICE = { amount: 100, currency: 'GBP' };

const newOrder = async () => (await placeOrder(app, await openShop(app))).aggregateId;
const confirmedOrder = async () => {
  const orderId = await newOrder();
  await accepted(app, 'confirmOrder', { orderId });
  return orderId;
};
const shippedOrder = async () => {
  const orderId = await confirmedOrder();
  await accepted(app, 'shipOrder', { orderId, carrier: 'UPS', trackingNumber: '1' });
  return orderId;
};
const newAccount = async () => (await accepted(app, 'openAccount', { owner: 'Ada', currency: 'GBP' })).aggregateId;
const fullAccount = async () => {
  const accountId = await newAccount();
  await accepted(app, 'deposit', { accountId, amount: PRICE });
  return accountId;
};
const newNote = async () => (await accepted(app, 'createNote', { title: 'Tea', content: '', tags: ['a'] })).aggregateId;
const newAuthor = async () => (await accepted(app, 'registerAuthor', { displayName: 'Ada' })).aggregateId;
const article = async () => ({ authorId: await newAuthor(), title: 'Looms', body: 'They weave.', tags: ['a'] });
const newArticle = async () => (await accepted(app, 'publishArticle', await article())).aggregateId;
const payment = async () => ({ accountId: await fullAccount(), amount: PRICE, reference: 'Rent' });

/** Makes an input of each mutation that is accepted; fields that may be left out are there too. */
const goodInputs: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  registerCustomer: async () => ({ id: randomUUID(), name: 'Bob', email: 'bob@example.org' }),
  renameCustomer: async () => ({ customerId: (await openShop(app)).customerId, name: 'Bob' }),
  registerProduct: async () => ({ id: randomUUID(), sku: 'CUP', name: 'Cup', price: PRICE }),
  changeProductPrice: async () => ({ productId: (await openShop(app)).productId, price: PRICE }),
  receiveStock: async () => ({ productId: (await openShop(app)).productId, quantity: 5 }),
  placeOrder: async () => {
    const { customerId, productId } = await openShop(app);
    return {
      ...{ id: randomUUID(), customerId },
      items: [{ productId, quantity: 1 }],
      shippingAddress: { ...ADDRESS, line2: 'B' },
    };
  },
  addOrderItem: async () => {
    const shop = await openShop(app);
    const { aggregateId: orderId } = await placeOrder(app, shop);
    return { orderId, productId: shop.productId, quantity: 1 };
  },
  removeOrderItem: async () => {
    const shop = await openShop(app);
    const { aggregateId: orderId } = await placeOrder(app, shop);
    const { aggregateId: other } = await registerProduct(app, { sku: 'OTHER' });
    await accepted(app, 'addOrderItem', { orderId, productId: other, quantity: 1 });
    return { orderId, productId: shop.productId };
  },
  confirmOrder: async () => ({ orderId: await newOrder() }),
  shipOrder: async () => ({ orderId: await confirmedOrder(), carrier: 'UPS', trackingNumber: '1' }),
  confirmDelivery: async () => ({ orderId: await shippedOrder() }),
  cancelOrder: async () => ({ orderId: await newOrder(), reason: 'Too many teapots.' }),
  openAccount: async () => ({ id: randomUUID(), owner: 'Ada', currency: 'GBP' }),
  deposit: payment,
  withdraw: payment,
  transfer: async () => ({
    ...{ id: randomUUID(), fromAccountId: await fullAccount(), toAccountId: await newAccount() },
    ...{ amount: PRICE, reference: 'Rent' },
  }),
  createNote: async () => ({ id: randomUUID(), title: 'Tea', content: 'Black.', tags: ['a'], workspaceId: 'kitchen' }),
  renameNote: async () => ({ noteId: await newNote(), title: 'Coffee' }),
  editNote: async () => ({ noteId: await newNote(), content: 'Black.' }),
  tagNote: async () => ({ noteId: await newNote(), tag: 'b' }),
  untagNote: async () => ({ noteId: await newNote(), tag: 'a' }),
  archiveNote: async () => ({ noteId: await newNote() }),
  restoreNote: async () => ({ noteId: await newNote() }),
  revertNote: async () => ({ noteId: await newNote(), version: 1 }),
  registerAuthor: async () => ({ id: randomUUID(), displayName: 'Ada', avatarUrl: 'https://example.org/ada.png' }),
  renameAuthor: async () => ({ authorId: await newAuthor(), displayName: 'Countess' }),
  publishArticle: async () => ({ id: randomUUID(), ...(await article()) }),
  tagArticle: async () => ({ articleId: await newArticle(), tag: 'b' }),
  comment: async () => ({ articleId: await newArticle(), body: 'Well woven.' }),
};

const mutations = [...registry.commands.keys()];

describe.each(mutations)('%s', (mutation) => {
  let good: Record<string, unknown>;
  beforeAll(async () => {
    const make = goodInputs[mutation];
    if (!make) throw new Error(`Say what a good input of ${mutation} is.`);
    good = await make();
  });

  it('answers everything that can be wrong with its input in words, and nothing happens', async () => {
    const before = await logSize(app.database);
    const cases = badInputs(assertInputObjectType(schema.getType(inputTypeOf(mutation))), good, MAY_BE_EMPTY);
    expect(cases.length).toBeGreaterThan(10);
    for (const { what, input } of cases) {
      const literal = `mutation { ${mutation}(input: ${literalOf(input)}) { ${outcomeFields()} } }`;
      for (const answer of [await app.tryCommand(mutation, input), await app.query(literal)]) {
        expect(
          () => expectRefusal(answer, mutation),
          `${what} was answered ${answer.text.slice(0, 300)}`,
        ).not.toThrow();
      }
    }
    expect(await logSize(app.database)).toEqual(before);
    // And the input that all of these were made from is a good one.
    expect(await app.command(mutation, good)).toMatchObject({ __typename: 'CommandReceipt' });
  });

  it('refuses a commandId and an expectedVersion that are none', async () => {
    // The events that processes append for the commands before are written now.
    await until(() => app.engine.processes.status().every(({ kind, lag }) => kind === 'EFFECT' || lag === 0));
    const before = await logSize(app.database);
    for (const commandId of [
      '',
      'nope',
      '00000000-0000-4000-8000-00000000000x',
      'a\0b',
      'a\ud800b',
      'x'.repeat(1_000),
    ]) {
      const outcome = await app.command(mutation, good, { commandId });
      expect(outcome).toMatchObject({ __typename: 'ValidationError', issues: [{ path: ['commandId'] }] });
    }
    expectRequestError(await app.tryCommand(mutation, good, { commandId: 'x'.repeat(1_000_000) }), 'BAD_USER_INPUT');
    expect(await app.command(mutation, good, { expectedVersion: -1 })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['expectedVersion'], message: 'An expectedVersion is 0 or more.' }],
    });
    for (const expectedVersion of [1.5, 2 ** 31, '1', true]) {
      const answer = await app.tryCommand(mutation, good, { expectedVersion: expectedVersion as number });
      expectRequestError(answer, 'BAD_USER_INPUT');
    }
    expect(await logSize(app.database)).toEqual(before);
  });
});

describe('a ValidationError', () => {
  it('tells everything that is wrong at once, each with its path', async () => {
    const outcome = await app.command(
      'placeOrder',
      { customerId: 'nobody', items: [{ productId: 'x', quantity: 0 }], shippingAddress: { ...ADDRESS, city: ' ' } },
      { commandId: 'y' },
    );
    expect(outcome).toMatchObject({ __typename: 'ValidationError', code: 'VALIDATION_FAILED' });
    expect(outcome.message).toMatch(/\. And 4 more\.$/);
    const messages = Object.fromEntries(outcome.issues.map(({ path, message }) => [path.join('.'), message]));
    expect(messages).toEqual({
      commandId: 'A commandId is a UUID.',
      customerId: 'An id must be a UUID.',
      'items.0.productId': 'An id must be a UUID.',
      'items.0.quantity': 'A quantity must be at least 1.',
      'shippingAddress.city': 'The city must not be blank.',
    });
  });

  it('refuses an order without items, and prices that are no money', async () => {
    const { customerId } = await openShop(app);
    expect(await app.command('placeOrder', { customerId, items: [], shippingAddress: ADDRESS })).toMatchObject({
      issues: [{ path: ['items'], message: 'An order needs at least one item.' }],
    });
    for (const currency of ['gbp', 'POUNDS', '', '£']) {
      const outcome = await app.command('registerProduct', { sku: 'A', name: 'A', price: { amount: 1, currency } });
      expect(outcome.issues).toMatchObject([{ path: ['price', 'currency'] }]);
    }
  });

  it('refuses what is no e-mail address', async () => {
    for (const email of ['ada', 'ada@', '@example.org', 'a b@example.org', `${'a'.repeat(400)}@example.org`]) {
      const outcome = await app.command('registerCustomer', { name: 'Ada', email });
      expect(outcome.issues).toMatchObject([{ path: ['email'] }]);
    }
  });
});

describe('a business rule', () => {
  it.each([
    ['shipOrder', { carrier: 'UPS', trackingNumber: '1' }],
    ['confirmOrder', {}],
    ['confirmDelivery', {}],
    ['cancelOrder', { reason: 'Again.' }],
    ['removeOrderItem', { productId: randomUUID() }],
  ])('refuses %s of an order that was cancelled', async (mutation, rest) => {
    const { aggregateId: orderId } = await placeOrder(app, await openShop(app));
    await accepted(app, 'cancelOrder', { orderId, reason: 'No.' });
    const before = await logSize(app.database);
    expect(await app.command(mutation, { orderId, ...rest })).toMatchObject({
      __typename: 'CommandRejected',
      code: 'ORDER_CANCELLED',
      message: 'The order was cancelled; nothing more happens to it.',
    });
    expect(await logSize(app.database)).toEqual(before);
  });

  it('keeps an order in one currency, and a product in its own', async () => {
    const { customerId, productId } = await openShop(app);
    const euro = await registerProduct(app, { price: { amount: 5, currency: 'EUR' } });
    const items = [productId, euro.aggregateId].map((id) => ({ productId: id, quantity: 1 }));
    const before = await logSize(app.database);
    expect(await app.command('placeOrder', { customerId, items, shippingAddress: ADDRESS })).toMatchObject({
      __typename: 'CommandRejected',
      code: 'MIXED_CURRENCIES',
    });
    expect(await app.command('changeProductPrice', { productId, price: { amount: 5, currency: 'EUR' } })).toMatchObject(
      {
        code: 'CURRENCY_MISMATCH',
      },
    );
    expect(await logSize(app.database)).toEqual(before);
  });

  it('refuses to create an aggregate that exists', async () => {
    const { customerId, productId } = await openShop(app);
    const { aggregateId: orderId } = await placeOrder(app, { customerId, productId });
    expect(await app.command('registerCustomer', { id: customerId, name: 'B', email: 'b@example.org' })).toMatchObject({
      code: 'CUSTOMER_ALREADY_REGISTERED',
    });
    expect(await app.command('registerProduct', { id: productId, sku: 'A', name: 'A', price: PRICE })).toMatchObject({
      code: 'PRODUCT_ALREADY_REGISTERED',
    });
    const items = [{ productId, quantity: 1 }];
    expect(await app.command('placeOrder', { id: orderId, customerId, items, shippingAddress: ADDRESS })).toMatchObject(
      {
        code: 'ORDER_ALREADY_PLACED',
      },
    );
  });
});

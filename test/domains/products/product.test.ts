import { describe, it } from 'vitest';
import {
  changeProductPrice,
  Product,
  ProductPriceChanged,
  ProductRegistered,
  receiveStock,
  registerProduct,
  StockReceived,
} from '../../../src/domains/products/product.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { ADA, ADMIN, customer, eur, gbp, LAMP, STAFF } from '../fixtures.ts';

const registered = ProductRegistered({ sku: 'LAMP-1', name: 'Desk Lamp', price: gbp(2500) });
const registration = { id: LAMP, sku: 'LAMP-1', name: 'Desk Lamp', price: gbp(2500) };

describe('registering a product', () => {
  it('registers it with its price', () => given(Product).when(registerProduct, registration).thenEvents(registered));

  it('takes a price of nothing: some goods are given away', () =>
    given(Product)
      .when(registerProduct, { ...registration, price: gbp(0) })
      .thenEvents(ProductRegistered({ sku: 'LAMP-1', name: 'Desk Lamp', price: gbp(0) })));

  it('leaves the id to the server if none is given', () =>
    given(Product)
      .when(registerProduct, { ...registration, id: null })
      .thenEvents(registered));

  it('trims what was typed', () =>
    given(Product)
      .when(registerProduct, { ...registration, sku: ' LAMP-1', name: 'Desk Lamp ' })
      .thenEvents(registered));

  it('is refused if the id is in use', () =>
    given(Product, [registered]).when(registerProduct, registration).thenRejected('PRODUCT_ALREADY_REGISTERED'));

  it.each([
    [{ sku: ' ' }, 'sku'],
    [{ sku: 'x'.repeat(65) }, 'sku'],
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ id: 'lamp' }, 'id'],
    [{ price: gbp(-1) }, 'price.amount'],
    [{ price: gbp(0.5) }, 'price.amount'],
    [{ price: { amount: 1, currency: 'pound' } }, 'price.currency'],
  ])('refuses %j', async (bad, path) => {
    await given(Product)
      .when(registerProduct, { ...registration, ...bad })
      .thenInvalid(path);
  });
});

describe('changing a product’s price', () => {
  it('holds from now on', () =>
    given(Product, [registered])
      .when(changeProductPrice, { productId: LAMP, price: gbp(1999) })
      .thenEvents(ProductPriceChanged({ price: gbp(1999) })));

  it('does nothing where that is its price already', () =>
    given(Product, [registered, ProductPriceChanged({ price: gbp(1999) })])
      .when(changeProductPrice, { productId: LAMP, price: gbp(1999) })
      .thenEvents());

  it('stays in the currency', () =>
    given(Product, [registered])
      .when(changeProductPrice, { productId: LAMP, price: eur(2500) })
      .thenRejected('CURRENCY_MISMATCH'));

  it('needs a product', () =>
    given(Product)
      .when(changeProductPrice, { productId: LAMP, price: gbp(1) })
      .thenNotFound());

  it('needs a price', async () => {
    await given(Product, [registered])
      .when(changeProductPrice, { productId: LAMP, price: gbp(-5) })
      .thenInvalid('price.amount');
  });
});

describe('receiving stock', () => {
  const receive = { productId: LAMP, quantity: 10 };
  const full = [registered, StockReceived({ quantity: 2 ** 31 - 1 - 10 })];

  it('adds to the stock', () =>
    given(Product, [registered])
      .when(receiveStock, receive)
      .thenEvents(StockReceived({ quantity: 10 })));

  it('takes the last that the stock has room for, and no more', async () => {
    await given(Product, full)
      .when(receiveStock, receive)
      .thenEvents(StockReceived({ quantity: 10 }));
    await given(Product, full)
      .when(receiveStock, { ...receive, quantity: 11 })
      .thenRejected('STOCK_TOO_LARGE');
  });

  it.each([0, -1, 1_000_001, 0.5])('refuses a quantity of %d', async (quantity) => {
    await given(Product, [registered])
      .when(receiveStock, { ...receive, quantity })
      .thenInvalid('quantity');
  });

  it('needs a product', () => given(Product).when(receiveStock, receive).thenNotFound());
});

describe('who may change products', () => {
  const asked = given(Product, [registered]);

  it.each([STAFF, ADMIN, SYSTEM])('$roles.0 may', async (actor) => {
    await given(Product).by(actor).when(registerProduct, registration).thenEvents(registered);
    await asked
      .by(actor)
      .when(changeProductPrice, { productId: LAMP, price: gbp(2500) })
      .thenEvents();
    await asked
      .by(actor)
      .when(receiveStock, { productId: LAMP, quantity: 1 })
      .thenEvents(StockReceived({ quantity: 1 }));
  });

  it.each([customer(ADA), null])('others may not: %j', async (actor) => {
    await given(Product).by(actor).when(registerProduct, registration).thenForbidden();
    await asked
      .by(actor)
      .when(changeProductPrice, { productId: LAMP, price: gbp(1) })
      .thenForbidden();
    await asked.by(actor).when(receiveStock, { productId: LAMP, quantity: 1 }).thenForbidden();
  });
});

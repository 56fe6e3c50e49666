import { randomUUID } from 'node:crypto';
import type { CommandAnswer, CommandOptions, HttpClient } from './http-client.ts';

export const ADDRESS = { line1: '221B Baker Street', city: 'London', postalCode: 'NW1 6XE', country: 'GB' };

/** The data that must exist before anybody can order. */
export interface Shop {
  readonly customerId: string;
  readonly productId: string;
}

/** A customer, and a product that costs 19.99 pounds and of which there is plenty, registered over the API. */
export async function openShop(client: HttpClient, options: CommandOptions = {}): Promise<Shop> {
  const [customer, product] = await Promise.all([
    registerCustomer(client, {}, options),
    registerProduct(client, {}, options),
  ]);
  await receiveStock(client, product.aggregateId, STOCK, options);
  return { customerId: customer.aggregateId, productId: product.aggregateId };
}

/** How many of its product an open shop has. */
const STOCK = 100_000;

export function receiveStock(
  client: HttpClient,
  productId: string,
  quantity = STOCK,
  options: CommandOptions = {},
): Promise<CommandAnswer> {
  return accepted(client, 'receiveStock', { productId, quantity }, options);
}

export function registerCustomer(
  client: HttpClient,
  input: object = {},
  options: CommandOptions = {},
): Promise<CommandAnswer> {
  return accepted(client, 'registerCustomer', { name: 'Ada', email: 'ada@example.org', ...input }, options);
}

export function registerProduct(
  client: HttpClient,
  input: object = {},
  options: CommandOptions = {},
): Promise<CommandAnswer> {
  const product = { sku: 'TEAPOT-1', name: 'Teapot', price: { amount: 1999, currency: 'GBP' } };
  return accepted(client, 'registerProduct', { ...product, ...input }, options);
}

export function placeOrder(
  client: HttpClient,
  shop: Shop,
  input: object = {},
  options: CommandOptions = {},
): Promise<CommandAnswer> {
  const { customerId, productId } = shop;
  const order = { customerId, items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS };
  return accepted(client, 'placeOrder', { ...order, ...input }, options);
}

/** Issues a command that has to be accepted. */
export async function accepted(
  client: HttpClient,
  name: string,
  input: Readonly<Record<string, unknown>>,
  options: CommandOptions = {},
): Promise<CommandAnswer> {
  const outcome = await client.command(name, input, options);
  if (outcome.__typename !== 'CommandReceipt') throw new Error(`${name} was answered ${JSON.stringify(outcome)}`);
  return outcome;
}

/** An id that nothing has. */
export const unknownId = () => randomUUID();

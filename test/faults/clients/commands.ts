import { randomUUID } from 'node:crypto';
import type { Random } from '../../support/random.ts';
import type { StreamName } from '../history.ts';

/** A command as it is sent, again and again if need be. */
export interface Command {
  readonly commandId: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly stream: StreamName;
  /** The event that it is recorded as. */
  readonly event: string;
}

const ADDRESS = { line1: '221B Baker Street', city: 'London', postalCode: 'NW1 6XE', country: 'GB' };

/** The products that all clients order. */
export class Market {
  readonly products: string[] = [];
  readonly customers: string[] = [];
  readonly orders: string[] = [];
}

/** Makes commands up. */
export class Commands {
  readonly #random: Random;
  readonly #market: Market;

  constructor(random: Random, market: Market) {
    this.#random = random;
    this.#market = market;
  }

  registerProduct(): Command {
    const id = randomUUID();
    const price = { amount: this.#random.between(100, 9999), currency: 'GBP' };
    const input = { id, sku: `SKU-${this.#random.between(1, 999)}`, name: `Teapot ${this.#word()}`, price };
    return command('registerProduct', input, { type: 'Product', id }, 'ProductRegistered');
  }

  registerCustomer(): Command {
    const id = randomUUID();
    const input = { id, name: `Ada ${this.#word()}`, email: 'ada@example.org' };
    return command('registerCustomer', input, { type: 'Customer', id }, 'CustomerRegistered');
  }

  /** Sometimes the new name is the current one: such a command is accepted and leaves no event. */
  renameCustomer(customerId: string): Command {
    const input = { customerId, name: this.#random.pick(['Ada', 'Grace', 'Edsger', `Barbara ${this.#word()}`]) };
    return command('renameCustomer', input, { type: 'Customer', id: customerId }, 'CustomerRenamed');
  }

  /** One of a few products that many clients order. */
  changeProductPrice(): Command {
    const productId = this.#product();
    const input = { productId, price: { amount: this.#random.between(100, 9999), currency: 'GBP' } };
    return command('changeProductPrice', input, { type: 'Product', id: productId }, 'ProductPriceChanged');
  }

  receiveStock(): Command {
    return this.receiveStockOf(this.#product(), this.#random.between(1, 50));
  }

  receiveStockOf(productId: string, quantity: number): Command {
    return command('receiveStock', { productId, quantity }, { type: 'Product', id: productId }, 'StockReceived');
  }

  placeOrder(customerId: string): Command {
    const id = randomUUID();
    const items = this.#random
      .shuffled(this.#market.products)
      .slice(0, this.#random.between(1, 3))
      .map((productId) => ({ productId, quantity: this.#random.between(1, 5) }));
    // Slow ones leave time to change the order.
    const paymentMethod = this.#random.pick([
      'tok_ok',
      'tok_slow',
      'tok_slow',
      'tok_lost',
      'tok_uncertain',
      'tok_declined',
    ]);
    const input = { id, customerId, items, shippingAddress: ADDRESS, paymentMethod };
    return command('placeOrder', input, { type: 'Order', id }, 'OrderPlaced');
  }

  /** Something that may happen to an order, be it the right moment or not. */
  changeOrder(orderId: string): Command {
    const stream = { type: 'Order', id: orderId };
    const item = { orderId, productId: this.#product() };
    switch (this.#random.weighted({ add: 6, remove: 2, confirm: 3, ship: 3, deliver: 2, cancel: 1 })) {
      case 'add':
        return command('addOrderItem', { ...item, quantity: this.#random.between(1, 9) }, stream, 'OrderItemAdded');
      case 'remove':
        return command('removeOrderItem', item, stream, 'OrderItemRemoved');
      case 'confirm':
        return command('confirmOrder', { orderId }, stream, 'OrderConfirmed');
      case 'ship': {
        const input = { orderId, carrier: 'Royal Mail', trackingNumber: this.#word() };
        return command('shipOrder', input, stream, 'OrderShipped');
      }
      case 'deliver':
        return command('confirmDelivery', { orderId }, stream, 'OrderDelivered');
      case 'cancel':
        return command('cancelOrder', { orderId, reason: 'Changed her mind.' }, stream, 'OrderCancelled');
    }
  }

  #product(): string {
    return this.#random.pick(this.#market.products);
  }

  #word(): string {
    return this.#random.between(0, 2 ** 31).toString(36);
  }
}

function command(name: string, input: Record<string, unknown>, stream: StreamName, event: string): Command {
  return { commandId: randomUUID(), name, input, stream, event };
}

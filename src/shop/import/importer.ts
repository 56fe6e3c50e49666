import { addOrderItem, confirmOrder, placeOrder } from '../../domains/orders/order.ts';
import { recordOrder } from '../../domains/orders/order-fulfilment.ts';
import { Catalogue } from './catalogue.ts';
import { RowRejection } from './file/rows.ts';
import { commandId } from './ids.ts';
import { type RetryingIssuer, refusalOf } from './issuer.ts';
import type { PlannedOrder, PlannedProduct, PlannedSale } from './plan.ts';
import type { Survey } from './survey.ts';
import { Tally } from './tally.ts';

/** Orders that are being placed at the same time. */
const ORDERS_AT_ONCE = 64;
/** The text for parts of an address that the file does not have. */
const NOT_RECORDED = 'not recorded';

/** Whether an order is new to the log, was placed by an earlier import, or cannot be placed. */
type PlacementResult = 'new' | 'before' | 'refused';

/** Places planned orders: many at a time, with the same result as if they were placed one by one. */
export class Importer {
  readonly tally = new Tally();
  readonly #issuer: RetryingIssuer;
  readonly #catalogue: Catalogue;
  readonly #onOrder: (rows: number) => void;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** @param onOrder called whenever an order is done, with the number of its rows. */
  constructor(issuer: RetryingIssuer, survey: Pick<Survey, 'customersSince'>, onOrder: (rows: number) => void) {
    this.#issuer = issuer;
    this.#catalogue = new Catalogue(issuer, this.tally, survey);
    this.#onOrder = onOrder;
  }

  /** Begins an order as soon as there is room. Call this in the order of the file. @throws an earlier error. */
  async add(order: PlannedOrder): Promise<void> {
    while (this.#running.size >= ORDERS_AT_ONCE) await Promise.race(this.#running);
    if (this.#failure) throw this.#failure.error;
    const running: Promise<void> = this.#import(order)
      .then(
        () => this.#onOrder(order.rows),
        (error) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing is in progress. @throws the first error. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.error;
  }

  async #import(order: PlannedOrder): Promise<void> {
    const { promise: placed, resolve: setPlaced } = Promise.withResolvers<void>();
    let result: PlacementResult;
    try {
      result = await this.#place(order, placed);
      if (result !== 'refused') await this.#addFurtherSales(order);
    } finally {
      setPlaced();
    }
    if (result !== 'refused') await this.#confirm(order, result);
  }

  /** Nothing is awaited before every product's lane has been entered: lanes are entered in the order of the file. */
  async #place(order: PlannedOrder, placed: Promise<void>): Promise<PlacementResult> {
    const id = commandId('placeOrder', order.invoice);
    const input = placeInput(order);
    const found = this.#find(input, id);
    const isNew = found.then((answer) => answer === 'none');
    const customer = isNew.then((answer) => (answer ? this.#catalogue.customer(order) : undefined));
    const products = order.products.map((product) => this.#catalogue.product(order, product, isNew, placed));
    const refused = (await Promise.all([customer, ...products])).find((answer) => answer !== undefined);
    if (refused) return this.#refuse(order, refused);
    switch (await found) {
      case 'same':
        return this.#placed(order, true);
      case 'other':
        return this.#refuse(
          order,
          new RowRejection(
            'IMPORTED_OTHERWISE',
            'The invoice was imported with other rows, and its order stays as it is.',
          ),
        );
      case 'none': {
        const outcome = await this.#issuer.issue(recordOrder, input, { commandId: id, occurredAt: order.placedAt });
        if (outcome.kind === 'accepted') return this.#placed(order, outcome.receipt.replayed);
        return this.#refuse(order, refusalOf(outcome));
      }
    }
  }

  /**
   * The order was paid and sent long ago, so it is recorded. Earlier importers had no such command and placed orders as
   * customers do.
   */
  async #find(input: ReturnType<typeof placeInput>, id: string): ReturnType<RetryingIssuer['find']> {
    const found = await this.#issuer.find(recordOrder, input, id);
    return found === 'other' ? this.#issuer.find(placeOrder, input, id) : found;
  }

  #placed(order: PlannedOrder, isBefore: boolean): PlacementResult {
    this.tally.placed(order, isBefore);
    for (const { sales } of order.products) this.tally.sold(order, sales[0], isBefore);
    return isBefore ? 'before' : 'new';
  }

  #refuse(order: PlannedOrder, reason: RowRejection): PlacementResult {
    for (const { sales } of order.products) for (const { lines } of sales) this.tally.refuse(lines, reason);
    return 'refused';
  }

  /** The same product at another price: the price is changed, and the sales at that price are added to the order. */
  async #addFurtherSales(order: PlannedOrder): Promise<void> {
    for (const product of order.products) {
      for (const sale of product.sales.slice(1)) await this.#addSale(order, product, sale);
    }
  }

  async #addSale(order: PlannedOrder, product: PlannedProduct, sale: PlannedSale): Promise<void> {
    const id = commandId('addOrderItem', order.invoice, product.sku, sale.amount);
    const input = { orderId: order.orderId, productId: product.productId, quantity: sale.quantity };
    if ((await this.#issuer.find(addOrderItem, input, id)) === 'same') return this.tally.sold(order, sale, true);
    const unpriced = await this.#catalogue.setPrice(order, product, sale.amount);
    if (unpriced) return this.tally.refuse(sale.lines, unpriced);
    const outcome = await this.#issuer.issue(addOrderItem, input, { commandId: id, occurredAt: order.placedAt });
    if (outcome.kind === 'accepted') this.tally.sold(order, sale, outcome.receipt.replayed);
    else this.tally.refuse(sale.lines, refusalOf(outcome));
  }

  /** An invoiced order had been accepted. If somebody has confirmed or cancelled it since, that stays. */
  async #confirm(order: PlannedOrder, result: PlacementResult): Promise<void> {
    const id = commandId('confirmOrder', order.invoice);
    const input = { orderId: order.orderId };
    if (result === 'before' && (await this.#issuer.find(confirmOrder, input, id)) === 'same') return;
    await this.#issuer.issue(confirmOrder, input, { commandId: id, occurredAt: order.placedAt });
  }
}

function placeInput({ orderId, customerId, country, products }: PlannedOrder) {
  return {
    id: orderId,
    customerId,
    items: products.map(({ productId, sales }) => ({ productId, quantity: sales[0].quantity })),
    shippingAddress: { line1: NOT_RECORDED, city: NOT_RECORDED, postalCode: NOT_RECORDED, country },
  };
}

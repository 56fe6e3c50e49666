import { registerCustomer } from '../../domains/customers/customer.ts';
import { changeProductPrice, receiveStock, registerProduct } from '../../domains/products/product.ts';
import type { RowRejection } from './file/rows.ts';
import { commandId } from './ids.ts';
import { type RetryingIssuer, refusalOf } from './issuer.ts';
import type { PlannedOrder, PlannedProduct } from './plan.ts';
import { ProductLane } from './product-lane.ts';
import type { Survey } from './survey.ts';
import type { Tally } from './tally.ts';

/** Makes sure that the customers and products of orders exist when they are needed. */
export class Catalogue {
  readonly #issuer: RetryingIssuer;
  readonly #tally: Tally;
  readonly #customersSince: ReadonlyMap<string, Date>;
  readonly #lanes = new Map<string, ProductLane>();
  readonly #customers = new Map<string, Promise<RowRejection | undefined>>();

  constructor(issuer: RetryingIssuer, tally: Tally, { customersSince }: Pick<Survey, 'customersSince'>) {
    this.#issuer = issuer;
    this.#tally = tally;
    this.#customersSince = customersSince;
  }

  /** Registers the customer if necessary. @returns why it was refused. */
  customer(order: PlannedOrder): Promise<RowRejection | undefined> {
    const known = this.#customers.get(order.customer) ?? this.#registerCustomer(order);
    this.#customers.set(order.customer, known);
    return known;
  }

  /**
   * Prepares a product for an order: it exists, is in stock, and has the price of its first sale. Call this in the
   * order of the file.
   *
   * @param isNew false if an earlier import has placed the order: the product is then left alone.
   * @param placed settles when the order is placed or will not be.
   * @returns why it was refused.
   */
  product(
    order: PlannedOrder,
    product: PlannedProduct,
    isNew: Promise<boolean>,
    placed: Promise<void>,
  ): Promise<RowRejection | undefined> {
    const lane = this.#laneOf(product);
    const changesPrice = product.sales.length > 1;
    const prepare = async (allBefore: Promise<unknown>) => {
      // This order will change the price: all orders before it must be placed by then.
      if (changesPrice) await allBefore;
      if (!(await isNew)) return undefined;
      const refused =
        (lane.price === undefined ? await this.#register(order, product) : undefined) ??
        (await this.#receiveStock(order, product));
      const [{ amount }] = product.sales;
      if (refused || lane.price === amount) return refused;
      await allBefore;
      return this.setPrice(order, product, amount);
    };
    return lane.enter(prepare, placed, changesPrice);
  }

  /** Only for the holder of the lane. Needs no command id: setting the same price again has no effect. */
  async setPrice(
    { placedAt }: PlannedOrder,
    product: PlannedProduct,
    amount: number,
  ): Promise<RowRejection | undefined> {
    const lane = this.#laneOf(product);
    if (lane.price === amount) return undefined;
    const input = { productId: product.productId, price: pounds(amount) };
    const refused = refusalOf(await this.#issuer.issue(changeProductPrice, input, { occurredAt: placedAt }));
    if (!refused) lane.priced(amount);
    return refused;
  }

  #laneOf({ sku }: PlannedProduct): ProductLane {
    const lane = this.#lanes.get(sku) ?? new ProductLane();
    this.#lanes.set(sku, lane);
    return lane;
  }

  async #register({ placedAt }: PlannedOrder, product: PlannedProduct): Promise<RowRejection | undefined> {
    const { productId, sku, name, sales } = product;
    const [{ amount }] = sales;
    const outcome = await this.#issuer.issue(
      registerProduct,
      { id: productId, sku, name, price: pounds(amount) },
      { commandId: commandId('registerProduct', sku), occurredAt: placedAt },
    );
    if (outcome.kind === 'accepted' && !outcome.receipt.replayed) {
      this.#tally.registered('product');
      this.#laneOf(product).priced(amount);
    }
    return unlessPresent(refusalOf(outcome), 'PRODUCT_ALREADY_REGISTERED');
  }

  /** Stock for a sale must have come in: exactly its quantity, once for each sale. */
  async #receiveStock(
    { invoice, placedAt }: PlannedOrder,
    { productId, sku, sales }: PlannedProduct,
  ): Promise<RowRejection | undefined> {
    for (const { amount, quantity } of sales) {
      const id = commandId('receiveStock', invoice, sku, amount);
      const options = { commandId: id, occurredAt: placedAt };
      const refused = refusalOf(await this.#issuer.issue(receiveStock, { productId, quantity }, options));
      if (refused) return refused;
    }
    return undefined;
  }

  async #registerCustomer({ customer, customerId, placedAt }: PlannedOrder): Promise<RowRejection | undefined> {
    const occurredAt = this.#customersSince.get(customer) ?? placedAt;
    const outcome = await this.#issuer.issue(
      registerCustomer,
      // The domain can never exist (RFC 2606), so that nobody receives mail by mistake.
      { id: customerId, name: `Customer ${customer}`, email: `customer-${customer}@online-retail.example` },
      { commandId: commandId('registerCustomer', customer), occurredAt },
    );
    if (outcome.kind === 'accepted' && !outcome.receipt.replayed) this.#tally.registered('customer');
    return unlessPresent(refusalOf(outcome), 'CUSTOMER_ALREADY_REGISTERED');
  }
}

function pounds(pence: number) {
  return { amount: pence, currency: 'GBP' };
}

/** The product may exist from an earlier file with another name or price. */
function unlessPresent(refused: RowRejection | undefined, code: string): RowRejection | undefined {
  return refused?.code === code || refused?.code === 'IMPORTED_OTHERWISE' ? undefined : refused;
}

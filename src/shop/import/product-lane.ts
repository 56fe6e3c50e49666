/**
 * Orders the changes of one product during an import. Changes to the product itself (registration, receipt of stock,
 * change of price) are made in the order of the file, so that its history reads like the file. An order takes the
 * product's price at the moment when it is placed. So the price changes only after all earlier orders have been placed,
 * and orders at the same price are placed concurrently.
 *
 * Nobody waits for an order that comes later in the file, so there is always one that can proceed.
 */
export class ProductLane {
  #price: number | undefined;
  #ready: Promise<unknown> = Promise.resolve();
  #placed: Promise<unknown> = Promise.resolve();

  /** The price in pence, as far as this import knows; undefined before it has looked. */
  get price(): number | undefined {
    return this.#price;
  }

  /** The product has this price now, in pence. */
  priced(price: number): void {
    this.#price = price;
  }

  /**
   * Takes the next place in the lane. Call this in the order of the file.
   *
   * @param prepare prepares the product for the order; gets a promise that all earlier orders are placed.
   * @param placed settles when the order is placed, or will not be; never rejects.
   * @param alone true if the order changes the price while it is placed, so that those behind must wait for all of it.
   */
  enter<T>(prepare: (allBefore: Promise<unknown>) => Promise<T>, placed: Promise<void>, alone: boolean): Promise<T> {
    const allBefore = this.#placed;
    const prepared = this.#ready.then(() => prepare(allBefore));
    // The orders behind find out by themselves whether the import has failed.
    const settled = prepared.catch(() => undefined);
    this.#ready = alone ? settled.then(() => placed) : settled;
    this.#placed = allBefore.then(() => placed);
    return prepared;
  }
}

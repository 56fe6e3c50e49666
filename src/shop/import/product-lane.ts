/**
 * One product's way through an import. What is done to the product itself (registering it, receiving stock, changing its
 * price) is done in the order of the file, so that its history reads like the file. An order takes the product's price
 * at the moment when it is placed: so the price is changed only after all orders before have been placed, and those at
 * the same price are placed side by side.
 *
 * Nobody waits for an order that comes later in the file, so that there is always one that need not wait.
 */
export class ProductLane {
  /** The price in pence, as far as this import knows; undefined before it has looked. */
  price: number | undefined;
  #ready: Promise<unknown> = Promise.resolve();
  #placed: Promise<unknown> = Promise.resolve();

  /**
   * Takes the next place in the lane. Call it in the order of the file.
   *
   * @param prepare makes the product ready for the order; gets a promise of all orders before being placed.
   * @param placed settles when the order is placed, or will not be; never rejects.
   * @param alone true where the order changes the price on its way, so that those behind wait for all of it.
   */
  enter<T>(prepare: (allBefore: Promise<unknown>) => Promise<T>, placed: Promise<void>, alone: boolean): Promise<T> {
    const allBefore = this.#placed;
    const prepared = this.#ready.then(() => prepare(allBefore));
    // Who comes behind finds out by itself whether the import has failed.
    const settled = prepared.catch(() => undefined);
    this.#ready = alone ? settled.then(() => placed) : settled;
    this.#placed = allBefore.then(() => placed);
    return prepared;
  }
}

/** Calls the application. What it throws is an uncaught error of the page, and no fault of who calls. */
export function call<Result>(application: () => Result): Result | undefined {
  try {
    return application();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    return undefined;
  }
}

/** Those who want to be told. */
export class Listeners<Event> {
  readonly #all = new Set<(event: Event) => void>();

  /** @returns a function that ends it. */
  readonly add = (listener: (event: Event) => void): (() => void) => {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  };

  readonly tell = (event: Event): void => {
    for (const listener of this.#all) call(() => listener(event));
  };
}

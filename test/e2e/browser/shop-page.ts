import type { Locator, Page } from 'playwright-core';

/** The page of examples/shop-page as its user sees it. */
export class ShopPage {
  readonly #page: Page;
  readonly #url: string;

  constructor(page: Page, url: string) {
    this.#page = page;
    this.#url = url;
  }

  async open(): Promise<void> {
    await this.#page.goto(this.#url);
    await this.heading('Catalogue').waitFor();
  }

  heading(name: string | RegExp): Locator {
    return this.#page.getByRole('heading', { name, level: 1 });
  }

  /** What the page says has gone wrong. */
  async failures(): Promise<string> {
    return (await this.#page.getByRole('alert').allTextContents()).join('');
  }

  text(text: string): Locator {
    return this.#page.getByText(text, { exact: true });
  }

  async signInAs(name: string): Promise<void> {
    await this.#page.getByLabel('Signed in as').selectOption({ label: name });
  }

  async goTo(link: string): Promise<void> {
    await this.#page.getByRole('link', { name: link }).click();
    await this.heading(link).waitFor();
  }

  /** A product with its stock. */
  product(name: string, stock: string): Locator {
    return this.#page.getByRole('listitem').filter({ hasText: name }).filter({ hasText: stock });
  }

  async putIntoBasket(product: string, quantity: number): Promise<void> {
    await this.#page.getByRole('button', { name: `Add ${product} to the basket` }).click();
    await this.#page.getByLabel(`How many of ${product}`).fill(String(quantity));
  }

  /** @returns the name of the order. */
  async placeOrder(): Promise<string> {
    await this.#page.getByRole('button', { name: 'Place order' }).click();
    const heading = this.heading(/^Order /);
    await heading.waitFor();
    return `${await heading.textContent()}`.replace('Order ', '');
  }

  /** The order that is open, once it is in this status. */
  order(status: string): Locator {
    return this.#page.getByRole('region', { name: 'The order now' }).filter({ hasText: status });
  }

  /** A step that the server has taken for the order that is open. */
  step(name: string): Locator {
    return this.#page.getByRole('listitem').filter({ hasText: name });
  }

  button(name: string): Locator {
    return this.#page.getByRole('button', { name, exact: true });
  }

  async press(button: string): Promise<void> {
    await this.button(button).click();
  }

  /** Shows the order that is open as it was in a version. */
  async travelTo(version: number): Promise<Locator> {
    await this.#page.getByRole('radio', { name: `Version ${version}` }).click();
    return this.#page.getByRole('region', { name: `The order in version ${version}` });
  }

  /** The rows of the list of orders, without their heads. */
  get rows(): Locator {
    return this.#page.locator('tbody').getByRole('row');
  }

  async openOrder(name: string): Promise<void> {
    await this.rows.getByRole('link', { name }).click();
  }

  async chooseStatus(status: string): Promise<void> {
    await this.#page.getByLabel('Status').selectOption({ label: status });
  }

  /** What the page says of the connection. */
  get connection(): Locator {
    return this.#page.getByRole('status');
  }

  /** True if the page is wider than its window. */
  async overflows(): Promise<boolean> {
    return this.#page.evaluate('document.documentElement.scrollWidth > innerWidth');
  }
}

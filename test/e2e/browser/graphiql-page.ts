import type { Locator, Page } from 'playwright-core';
import { until } from '../../support/until.ts';

/** GraphiQL as its user sees it. */
export class GraphiqlPage {
  readonly #page: Page;
  readonly tabs: Locator;
  readonly answer: Locator;
  readonly manual: Locator;

  constructor(page: Page) {
    this.#page = page;
    this.tabs = page.getByRole('tab');
    this.answer = page.getByLabel('Result Window');
    this.manual = page.locator('.graphiql-doc-explorer');
  }

  /** Opens it and waits for the schema, which it asks for first. */
  async open(url: string): Promise<void> {
    const schema = this.#page.waitForResponse((response) => response.request().method() === 'POST');
    await this.#page.goto(`${url}/graphql`);
    await schema;
    await this.tabs.first().waitFor();
  }

  /** Opens the tab of an operation with the mouse. */
  async openTab(name: string): Promise<void> {
    await this.#page.locator('.graphiql-tab-button').getByText(name, { exact: true }).click();
    await this.opened(name);
  }

  /** Waits until this tab is the one that is open. */
  async opened(name: string): Promise<void> {
    await this.#page.locator('.graphiql-tab-active').getByText(name, { exact: true }).waitFor();
  }

  /** Opens the tab of an operation and runs it. */
  async run(name: string): Promise<void> {
    await this.openTab(name);
    await this.play();
  }

  /** Runs an operation; its answer as indented JSON, of a subscription the first message. */
  async answerTo(name: string, how: 'once' | 'live' = 'once'): Promise<string> {
    await this.openTab(name);
    const received = how === 'once' ? this.#nextAnswer() : this.#nextMessage();
    await this.play();
    const answer = JSON.stringify(await received, undefined, 2);
    await this.answered('"data"');
    return answer;
  }

  async #nextAnswer(): Promise<unknown> {
    const response = await this.#page.waitForResponse((one) => one.request().method() === 'POST');
    return response.json();
  }

  async #nextMessage(): Promise<unknown> {
    const socket = await this.#page.waitForEvent('websocket');
    const frame = await socket.waitForEvent('framereceived', ({ payload }) =>
      /"type":"(next|error)"/.test(String(payload)),
    );
    return JSON.parse(String(frame.payload)).payload;
  }

  /** The present values of the placeholders. */
  async known(): Promise<Record<string, string>> {
    return JSON.parse(await this.#page.evaluate<string>(`localStorage.getItem('afterwrite:placeholders') ?? '{}'`));
  }

  /** Presses the play button. */
  async play(): Promise<void> {
    await this.#page.getByRole('button', { name: /^Execute query/ }).click();
  }

  /** Ends a subscription, and waits until it has. */
  async stop(): Promise<void> {
    await this.#page.getByRole('button', { name: /^Stop query/ }).click();
    await this.#page.getByRole('button', { name: /^Execute query/ }).waitFor();
  }

  /** Waits until the answer has these texts in it, in any order. */
  async answered(...texts: readonly string[]): Promise<void> {
    for (const hasText of texts) await this.answer.filter({ hasText }).waitFor();
  }

  /** Opens a type in the manual. */
  async openManual(type: string): Promise<void> {
    await this.#page.getByRole('button', { name: /Documentation Explorer/ }).click();
    await this.manual.getByRole('link', { name: type, exact: true }).click();
  }

  async closeManual(): Promise<void> {
    await this.#page.getByRole('button', { name: /Documentation Explorer/ }).click();
  }

  /** Writes into the editor of headers, in place of what is there. */
  async setHeaders(headers: Readonly<Record<string, string>>): Promise<void> {
    await this.#page.getByRole('button', { name: 'Headers', exact: true }).click();
    await this.#page.locator('.monaco-editor[data-uri$="request-headers.json"]').click();
    await this.#page.keyboard.press('ControlOrMeta+A');
    await this.#page.keyboard.insertText(JSON.stringify(headers));
  }

  /** Waits until a reload would open the tab at this place, which is kept with a delay. */
  async remembered(index: number): Promise<void> {
    const kept = `localStorage.getItem('afterwrite:graphiql:tabState')?.includes('"activeTabIndex":${index}')`;
    // Playwright's own waiting evaluates text within the page, which its policy forbids.
    await until(() => this.#page.evaluate<boolean | undefined>(kept));
  }
}

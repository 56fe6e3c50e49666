import { type Consistency, Freshness, isOutdated } from './freshness.ts';

type Variables = Readonly<Record<string, unknown>>;
interface Answer<Data> {
  readonly data?: Data;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
  readonly extensions?: { readonly consistency: Consistency };
}

/** A client that reads its own writes, with `fetch` only. `url` ends in /graphql. */
export class FetchClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #freshness = new Freshness();

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url;
    this.#headers = { 'content-type': 'application/json', ...headers };
  }

  /** Sends a query that waits for everything that this client has written and seen. */
  async query<Data>(query: string, variables: Variables = {}): Promise<Answer<Data>> {
    const waitedFor = this.#freshness.tokens;
    const answer = await this.#send<Data>(query, variables, waitedFor);
    if (waitedFor.length > 0 && answer.errors?.some(({ extensions }) => isOutdated(extensions.code))) {
      this.#freshness.forget(waitedFor);
      return this.query(query, variables);
    }
    if (answer.extensions && !answer.errors) this.#freshness.read(answer.extensions.consistency, waitedFor);
    return answer;
  }

  /** Sends a mutation. */
  async mutate<Data>(mutation: string, variables: Variables = {}): Promise<Answer<Data>> {
    const answer = await this.#send<Data>(mutation, variables);
    if (answer.extensions) this.#freshness.wrote(answer.extensions.consistency);
    return answer;
  }

  /**
   * The messages of a subscription over server-sent events, until `signal` is aborted or the server completes it. It
   * subscribes again when the connection is lost: the first message after that stands for everything missed.
   */
  async *subscribe<Data>(query: string, variables: Variables, signal: AbortSignal): AsyncGenerator<Answer<Data>> {
    for (let failures = 0; !signal.aborted; failures++) {
      if (failures > 0) await pause(Math.min(10_000, 250 * 2 ** failures) * Math.random());
      try {
        const response = await fetch(this.#url, {
          method: 'POST',
          headers: { ...this.#headers, accept: 'text/event-stream' },
          body: JSON.stringify({ query, variables }),
          signal,
        });
        for await (const { event, data } of serverSentEvents(response)) {
          failures = 0;
          if (event === 'complete') return;
          if (event === 'next') yield JSON.parse(data) as Answer<Data>;
        }
      } catch {
        // The connection is lost, or `signal` was aborted.
      }
    }
  }

  async #send<Data>(query: string, variables: Variables, readAfter: readonly string[] = []): Promise<Answer<Data>> {
    const tokens: Record<string, string> = readAfter.length > 0 ? { 'read-after': readAfter.join(', ') } : {};
    const headers = { ...this.#headers, ...tokens };
    const response = await fetch(this.#url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    return (await response.json()) as Answer<Data>;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function* serverSentEvents({ body }: Response): AsyncGenerator<{ event: string; data: string }> {
  let text = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => block.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1] ?? '';
      yield { event: field('event'), data: field('data') };
    }
  }
}

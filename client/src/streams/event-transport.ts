import { type Answer, isUnauthenticated, type Operation } from '../core/answer.ts';
import { UnreachableError } from '../core/errors.ts';
import { type Http, readAnswer } from '../core/http.ts';
import type { Opening, Transport } from './stream.ts';
import { type Watchdog, watchdog } from './watchdog.ts';

/** Subscriptions over server-sent events. Needs nothing but `fetch`. */
export class EventTransport implements Transport {
  readonly #http: Http;
  readonly #silenceMs: number;

  /** @param silenceMs how long a stream may be silent before it counts as lost. */
  constructor(http: Http, silenceMs: number) {
    this.#http = http;
    this.#silenceMs = silenceMs;
  }

  open(operation: Operation, token: string | undefined, opening: Opening): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    const dog = watchdog(this.#silenceMs, () => stop.abort(new UnreachableError('The stream has fallen silent.')));
    this.#read(operation, token, opening, signal, dog)
      .catch((error: unknown) => opening.lost({ error: signal.aborted ? signal.reason : error }))
      .finally(dog.end);
    return () => stop.abort();
  }

  /** There is nothing that several streams have in common. */
  reset(): void {}

  async #read(operation: Operation, token: string | undefined, opening: Opening, signal: AbortSignal, dog: Watchdog) {
    const accept = 'text/event-stream';
    const response = await this.#http.open(operation, { accept }, token, signal);
    const take = (answer: Answer) => {
      if (!isUnauthenticated(answer)) return opening.next(answer);
      opening.lost({ rejected: token, answer });
    };
    if (!response.headers.get('content-type')?.startsWith(accept)) {
      take(await readAnswer(response, signal));
      return opening.complete();
    }
    for await (const { event, data } of serverSentEvents(response, dog)) {
      if (event === 'complete') return opening.complete();
      if (event === 'next') take(JSON.parse(data));
    }
    opening.lost({});
  }
}

/** The events of a response. Its lines end in LF, as GraphQL servers write them. */
async function* serverSentEvents({ body }: Response, dog: Watchdog): AsyncGenerator<{ event: string; data: string }> {
  const reader = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream() as never).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as ReadableStreamReadResult<string>;
      if (done) return;
      dog.heard();
      text += value;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) yield { event: fieldOf(block, 'event'), data: fieldOf(block, 'data') };
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

const fieldOf = (block: string, name: string): string => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? '';

import { type Answer, isUnauthenticated, type Operation } from '../core/answer.ts';
import { UnreachableError } from '../core/errors.ts';
import { type Http, readAnswer } from '../core/http.ts';
import type { Opening, Transport } from './stream.ts';
import { type Watchdog, watchdog } from './watchdog.ts';

/**
 * Subscriptions over server-sent events. Needs nothing but `fetch`.
 * @param silenceMs how long a stream may be silent before it counts as lost.
 */
export function eventTransport(http: Http, silenceMs: number): Transport {
  const read = async (
    operation: Operation,
    token: string | undefined,
    to: Opening,
    signal: AbortSignal,
    dog: Watchdog,
  ) => {
    const accept = 'text/event-stream';
    const response = await http.open(operation, { accept }, token, signal);
    const take = (answer: Answer) =>
      isUnauthenticated(answer) ? to.lost({ rejected: token, answer }) : to.next(answer);
    if (!response.headers.get('content-type')?.startsWith(accept)) {
      take(await readAnswer(response, signal));
      return to.complete();
    }
    for await (const [event, data = ''] of serverSentEvents(response, dog)) {
      if (event === 'complete') return to.complete();
      if (event === 'next') take(JSON.parse(data));
    }
    to.lost({});
  };
  return {
    open: (operation, token, opening) => {
      const stop = new AbortController();
      const { signal } = stop;
      const dog = watchdog(silenceMs, () => stop.abort(new UnreachableError('The stream has fallen silent.')));
      read(operation, token, opening, signal, dog)
        .catch((error: unknown) => opening.lost({ error: signal.aborted ? signal.reason : error }))
        .finally(dog.end);
      return () => stop.abort();
    },
  };
}

const FIELDS = [/^event: ?(.*)$/m, /^data: ?(.*)$/m];

/** The names and data of the events of a response. Its lines end in LF, as GraphQL servers write them. */
async function* serverSentEvents({ body }: Response, dog: Watchdog): AsyncGenerator<(string | undefined)[]> {
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
      for (const block of blocks) yield FIELDS.map((field) => field.exec(block)?.[1]);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

import type { Random } from '../support/random.ts';
import type { Documents } from './documents.ts';

/** A request as it goes over the wire. */
export interface FuzzRequest {
  readonly method: string;
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** True for a subscription, whose answer may last. */
  readonly streams: boolean;
}

const JSON_TYPE = 'application/json';

/** Makes requests: most carry a document as clients send it, some are wrong already as requests. */
export class Requests {
  readonly #documents: Documents;
  readonly #random: Random;
  /** Values of `authorization`; undefined for an anonymous caller. */
  readonly #credentials: readonly (string | undefined)[];

  constructor(documents: Documents, random: Random, credentials: readonly (string | undefined)[]) {
    this.#documents = documents;
    this.#random = random;
    this.#credentials = credentials;
  }

  next(): FuzzRequest {
    const random = this.#random;
    const { kind, query, variables } = this.#documents.next();
    const streams = kind === 'subscription';
    const headers = {
      'content-type': JSON_TYPE,
      accept: streams ? 'text/event-stream' : JSON_TYPE,
      ...this.#headers(),
    };
    const body = JSON.stringify({ query, variables });
    switch (random.weighted({ post: 90, get: 4, broken: 4, other: 2 })) {
      case 'get': {
        const { 'content-type': _, ...others } = headers;
        const search = `?${new URLSearchParams({ query: wellFormed(query), variables: JSON.stringify(variables) })}`;
        // Node refuses longer ones before the server sees them.
        if (search.length > 8_000) break;
        return { method: 'GET', search, headers: others, body: undefined, streams };
      }
      case 'broken':
        return { method: 'POST', search: '', headers, body: this.#broken(body), streams };
      case 'other': {
        const type = random.pick(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '', 'a/b']);
        return { method: 'POST', search: '', headers: { ...headers, 'content-type': type }, body, streams };
      }
      default:
    }
    return { method: 'POST', search: '', headers, body, streams };
  }

  #headers(): Record<string, string> {
    const random = this.#random;
    const authorization = random.pick(this.#credentials);
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    if (random.chance(0.05))
      headers['read-after'] = random.pick(['', ',', 'nonsense', 'x'.repeat(5_000), ', '.repeat(900)]);
    if (random.chance(0.05)) headers['x-correlation-id'] = random.pick(['', 'a b', 'x'.repeat(3_000), 'é', '\t']);
    if (random.chance(0.03)) headers.traceparent = random.pick(['00-0-0-0', 'x'.repeat(500), '']);
    return headers;
  }

  /** The body as no client sends it. */
  #broken(body: string): string {
    const random = this.#random;
    const at = random.between(0, body.length);
    return random.pick([
      body.slice(0, at),
      `${body.slice(0, at)}\0${body.slice(at)}`,
      `[${body},${body}]`,
      '['.repeat(random.between(1, 20_000)),
      JSON.stringify(body),
      'null',
      '',
      body.replace('"query"', '"id"'),
      body.replace('"variables":', '"variables":[1],"extensions":'),
      body.replace('"query":', '"operationName":5,"query":'),
    ]);
  }
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}

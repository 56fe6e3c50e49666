import type { DocumentNode } from 'graphql';
import type { Afterwrite } from '../core/afterwrite.ts';
import type { Answer, Variables } from '../core/answer.ts';
import { identified, takesCommandId } from '../core/command.ts';
import { AfterwriteError } from '../core/errors.ts';
import { pause } from '../core/pause.ts';
import { type Identify, leavesOf, typeAndId } from './leaves.ts';
import { Shown } from './shown.ts';

/** An operation of a library with a normalised cache. */
export interface CachedOperation {
  readonly document: DocumentNode;
  /** The text of the document. */
  readonly text: string;
  readonly variables: Variables;
  readonly operationName?: string | undefined;
}

/** Takes what the library may show: an answer is written into its cache before the function returns. */
export interface Receiver {
  next(answer: Answer): void;
  error(error: unknown): void;
  complete(): void;
}

/** How often an answer that was overtaken is asked for again. */
const ATTEMPTS = 6;
/** Time before the second repetition, in ms; it doubles. The first one is sent at once. */
const WAIT_MS = 20;

/**
 * Executes operations so that the cache of a library does not go back in time: of two answers about the same, the older
 * one is not delivered after the newer one. A query is repeated instead, a message of a subscription is left out.
 * What is older is certain only for objects with a version: data may include more than its token says. An answer for
 * which it is not certain is asked for once more, and that one was read after everything that was shown before.
 */
export class InOrder {
  readonly #afterwrite: Afterwrite;
  readonly #identify: Identify;
  readonly #shown = new Shown();

  /** @param identify the key under which the library's cache keeps an object: type and id by default. */
  constructor(afterwrite: Afterwrite, identify: Identify = typeAndId) {
    this.#afterwrite = afterwrite;
    this.#identify = identify;
  }

  /** @returns a function that ends it. */
  execute(kind: 'query' | 'mutation' | 'subscription', operation: CachedOperation, receiver: Receiver): () => void {
    const { text, variables, operationName } = operation;
    const named = operationName === undefined ? {} : { operationName };
    if (kind === 'subscription') {
      const next = (answer: Answer) => this.#deliver(operation, answer, receiver, {});
      return this.#afterwrite.subscribe(text, variables, { ...bound(receiver), next }, named);
    }
    const stop = new AbortController();
    this.#request(kind, operation, receiver, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) receiver.error(error);
    });
    return () => stop.abort();
  }

  async #request(kind: 'query' | 'mutation', operation: CachedOperation, receiver: Receiver, signal: AbortSignal) {
    const { text, operationName } = operation;
    const isCommand = kind === 'mutation' && takesCommandId(text);
    // The same id for all attempts: a command that is sent again only reads again.
    const { variables } = isCommand ? identified({ query: text, variables: operation.variables }) : operation;
    const options = { signal, ...(operationName !== undefined && { operationName }) };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 1) await pause(WAIT_MS * 2 ** (attempt - 2), signal);
      const { query, mutate } = this.#afterwrite;
      // Once is enough: the second answer was read after what the first one may have missed.
      const asked = attempt === 0 ? this.#shown.moment : undefined;
      const send: Afterwrite['query'] = kind === 'query' ? query : mutate;
      const answer = await send(text, variables, options);
      if (signal.aborted) return;
      // What has taken effect never fails because its answer was overtaken.
      const always = kind === 'mutation' && (!isCommand || attempt === ATTEMPTS - 1);
      if (this.#deliver({ ...operation, variables }, answer, receiver, { asked, always })) return receiver.complete();
    }
    throw new AfterwriteError(
      'OVERTAKEN',
      `What the operation reads has changed during each of ${ATTEMPTS} attempts. Read it with a live query.`,
      { operationName },
    );
  }

  /** Checks and delivers in one step, so that nothing comes between. @returns false if the answer was overtaken. */
  #deliver(
    { document, variables, operationName }: CachedOperation,
    answer: Answer,
    to: Receiver,
    { asked, always = false }: { readonly asked?: number | undefined; readonly always?: boolean },
  ): boolean {
    const { data, extensions } = answer;
    const token = extensions?.consistency?.token;
    if (data != null && token !== undefined) {
      const leaves = leavesOf(document, variables, data as Record<string, unknown>, operationName, this.#identify);
      if (!this.#shown.show(leaves, token, this.#afterwrite.reign, asked) && !always) return false;
    }
    to.next(answer);
    return true;
  }
}

const bound = (receiver: Receiver) => ({
  error: (error: unknown) => receiver.error(error),
  complete: () => receiver.complete(),
});

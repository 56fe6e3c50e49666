import {
  type Client,
  type Exchange,
  type ExecutionResult,
  makeErrorResult,
  makeOperation,
  makeResult,
  type Operation,
  type OperationResult,
  stringifyDocument,
} from '@urql/core';
import { filter, fromValue, make, merge, mergeMap, pipe, type Source, share, takeUntil, tap } from 'wonka';
import type { Afterwrite } from './core/afterwrite.ts';
import { InOrder } from './order/in-order.ts';

/**
 * The last exchange of an urql client: it sends all operations, also subscriptions. An answer that was overtaken by a
 * newer one about the same never reaches the cache. Mutations that declare `$commandId` are sent until there is an answer.
 */
export function afterwriteExchange(afterwrite: Afterwrite): Exchange {
  return ({ client, forward }) => {
    const sender = new Sender(client, new InOrder(afterwrite));
    return (operations) => {
      const shared = share(operations);
      const results = pipe(
        shared,
        filter(({ kind }) => kind !== 'teardown'),
        mergeMap((operation) => {
          const isEnd = ({ kind, key }: Operation) => kind === 'teardown' && key === operation.key;
          return pipe(sender.execute(operation), takeUntil(pipe(shared, filter(isEnd))));
        }),
      );
      const ends = pipe(
        shared,
        filter(({ kind }) => kind === 'teardown'),
        tap(({ key }) => sender.forget(key)),
        forward,
      );
      return merge([results, ends]);
    };
  };
}

class Sender {
  readonly #client: Client;
  readonly #inOrder: InOrder;
  #delivered = 0;
  /** Results of queries that are asked for once more, by the keys of the operations. */
  readonly #ready = new Map<number, OperationResult>();

  constructor(client: Client, inOrder: InOrder) {
    this.#client = client;
    this.#inOrder = inOrder;
  }

  execute(operation: Operation): Source<OperationResult> {
    const { kind, query, variables } = operation;
    if (kind === 'teardown') throw new Error('A teardown is not sent.');
    const ready = this.#ready.get(operation.key);
    this.#ready.delete(operation.key);
    if (ready) {
      this.#delivered++;
      return fromValue({ ...ready, operation });
    }
    const delivered = this.#delivered;
    return make<OperationResult>(({ next, complete }) => {
      const deliver = (result: OperationResult) => {
        this.#delivered++;
        next(result);
      };
      const cached = { document: query, text: stringifyDocument(query), variables: (variables ?? {}) as object };
      return this.#inOrder.execute(kind, cached as Parameters<InOrder['execute']>[1], {
        next: (answer) => {
          const result = makeResult(operation, answer as ExecutionResult);
          if (kind !== 'query' || delivered === this.#delivered) return deliver(result);
          this.#ready.set(operation.key, result);
          next({ ...result, stale: true });
          this.#askAgain(operation);
        },
        error: (error) => {
          deliver(makeErrorResult(operation, error as Error));
          this.#end(operation);
          complete();
        },
        complete: () => {
          this.#end(operation);
          complete();
        },
      });
    });
  }

  /** The operation has ended. */
  forget(key: number): void {
    this.#ready.delete(key);
  }

  /** Tells the components that show a subscription that it has ended, for example because the user has signed out. */
  #end(operation: Operation): void {
    if (operation.kind === 'subscription') {
      this.#client.reexecuteOperation(makeOperation('teardown', operation, operation.context));
    }
  }

  /**
   * Graphcache sorts the results of queries by when these were asked, so that it would put this one beneath an older one
   * that was asked for later. Asked for once more, the query is the last one, and has its answer at once.
   */
  #askAgain(operation: Operation): void {
    const context = { ...operation.context, requestPolicy: 'network-only' as const };
    this.#client.reexecuteOperation(makeOperation('query', operation, context));
  }
}

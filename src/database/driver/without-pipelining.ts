import { Rotation } from '../../scheduling/rotation.ts';
import { currentCaller } from './cancellation.ts';
import type { Guard } from './statement.ts';

/**
 * Keeps the driver from sending a statement behind another one on the same connection if all connections are busy. It
 * would wait with that one, for a lock for example, although it has nothing to do with it. Here it waits for the first
 * free connection. Callers take turns, and none of them uses all connections at once if there are several.
 *
 * The driver's own setting for this, `max_pipeline`, breaks its transactions. Statements of transactions are not
 * counted here.
 *
 * https://github.com/porsager/postgres/issues/747, https://github.com/porsager/postgres/issues/970
 * @param connections number of the client's connections.
 */
export function withoutPipelining(connections: number): Guard {
  return (ask) => {
    const semaphore = new FairSemaphore(connections);
    return (...asked) => {
      const statement = ask(...asked);
      const { handler, resolve, reject } = statement;
      const caller = currentCaller() ?? NOBODY;
      let state: 'waiting' | 'sent' | 'ended' = 'waiting';
      const ended = () => {
        if (state === 'sent') semaphore.release(caller);
        state = 'ended';
      };
      statement.handler = (sent) => {
        const send = () => {
          // It ended while it waited.
          if (state === 'ended') return semaphore.release(caller);
          state = 'sent';
          return handler(sent);
        };
        return semaphore.acquire(caller, send);
      };
      statement.resolve = (result) => {
        ended();
        resolve(result);
      };
      statement.reject = (error) => {
        ended();
        reject(error);
      };
      return statement;
    };
  };
}

/** Statements of the application itself, and those that several callers share. */
const NOBODY = '';

/** Counts the statements on the connections, and keeps those that wait for one. */
class FairSemaphore {
  readonly #connections: number;
  readonly #perCaller: number;
  readonly #waiting = new Rotation<() => void>();
  readonly #busyOf = new Map<string, number>();
  #busy = 0;

  constructor(connections: number) {
    this.#connections = connections;
    this.#perCaller = Math.max(1, connections - Math.ceil(connections / 4));
  }

  /** Sends a statement, now or when it is its turn. */
  acquire(caller: string, send: () => unknown): unknown {
    if (this.#busy >= this.#connections || !this.#mayAcquire(caller)) return this.#waiting.add(caller, send);
    this.#take(caller);
    return send();
  }

  release(caller: string): void {
    this.#busy--;
    const left = (this.#busyOf.get(caller) ?? 1) - 1;
    if (left === 0) this.#busyOf.delete(caller);
    else this.#busyOf.set(caller, left);
    const next = this.#waiting.next((key) => this.#mayAcquire(key));
    if (!next) return;
    this.#take(next.key);
    // Not at once: the driver settles a statement before it knows that its connection is closed. It would send the
    // next statement there, which ends the process.
    queueMicrotask(next.thing);
  }

  #mayAcquire(caller: string): boolean {
    return caller === NOBODY || (this.#busyOf.get(caller) ?? 0) < this.#perCaller;
  }

  #take(caller: string): void {
    this.#busy++;
    this.#busyOf.set(caller, (this.#busyOf.get(caller) ?? 0) + 1);
  }
}

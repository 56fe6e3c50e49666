import type { Places } from '../../scheduling/group-places.ts';
import { Semaphore } from '../../scheduling/semaphore.ts';
import { SharedTime } from '../../scheduling/shared-time.ts';
import { currentWork, isAnswer } from './cancellation.ts';
import { type Guard, intercept } from './statement.ts';

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
 * @param placesOf the places that a statement waits for, by its arguments; by default, one for each connection.
 */
export function withoutPipelining(connections: number, placesOf?: (asked: readonly unknown[]) => Places): Guard {
  const perCaller = Math.max(1, connections - Math.ceil(connections / 4));
  return (ask) => {
    const semaphore = new Semaphore(connections, perCaller);
    const time = new SharedTime();
    return (...asked) => {
      const statement = ask(...asked);
      const places = placesOf?.(asked) ?? semaphore;
      const work = currentWork();
      const caller = work?.caller;
      let begun = 0;
      let state: 'waiting' | 'sent' | 'ended' = 'waiting';
      // The next statement is sent in a microtask. The driver settles a statement before it knows that its
      // connection is closed: if the next one were sent there at once, that would end the process.
      const ended = (isAnswered: boolean) => {
        if (state === 'sent') {
          places.release(caller);
          const ms = time.end(caller ?? '', begun);
          if (isAnswered) work?.worked?.(ms);
        }
        state = 'ended';
      };
      const driver = intercept(statement, {
        handler: (sent) => {
          const send = () => {
            // It ended while it waited.
            if (state === 'ended') return places.release(caller);
            state = 'sent';
            begun = time.begin(caller ?? '');
            return driver.handler(sent);
          };
          return places.acquire(caller, send);
        },
        resolve: (result) => {
          ended(true);
          driver.resolve(result);
        },
        reject: (error) => {
          ended(isAnswer(error, work?.signal));
          driver.reject(error);
        },
      });
      return statement;
    };
  };
}

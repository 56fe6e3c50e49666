import type { Guard } from './statement.ts';

/**
 * Keeps the driver from sending a statement behind another one on the same connection if all connections are busy. It
 * would wait with that one, for a lock for example, although it has nothing to do with it. Here it waits for the first
 * free connection.
 *
 * The driver's own setting for this, `max_pipeline`, breaks its transactions. Statements of transactions are not
 * counted here.
 *
 * https://github.com/porsager/postgres/issues/747, https://github.com/porsager/postgres/issues/970
 * @param connections number of the client's connections.
 */
export function withoutPipelining(connections: number): Guard {
  return (ask) => {
    const waiting: (() => void)[] = [];
    let busy = 0;
    const free = () => {
      const next = waiting.shift();
      // Not at once: the driver settles a statement before it knows that its connection is closed. It would send the
      // next statement there, which ends the process.
      if (next) queueMicrotask(next);
      else busy--;
    };
    return (...asked) => {
      const statement = ask(...asked);
      const { handler, resolve, reject } = statement;
      let isSent = false;
      const ended = () => {
        if (isSent) free();
        isSent = false;
      };
      statement.handler = (sent) => {
        const send = () => {
          isSent = true;
          handler(sent);
        };
        if (busy >= connections) return waiting.push(send);
        busy++;
        return send();
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

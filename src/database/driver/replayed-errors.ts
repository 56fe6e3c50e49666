import postgres from 'postgres';
import type { Ask, Guard } from './statement.ts';

/**
 * Errors of Postgres that the driver assigned to a statement that was already settled, together with its connection.
 */
const late = new WeakSet<Error>();

/**
 * Sends a statement again if it got the error of another one. If a connection is lost after an error of Postgres and
 * before the end of that answer, the driver rejects the next connection's first statement with that error, without
 * having sent it.
 *
 * https://github.com/porsager/postgres/issues/1223
 */
export const withoutReplayedErrors: Guard = (ask) => {
  const send: Ask = (...asked) => {
    const statement = ask(...asked);
    const { resolve, reject } = statement;
    let isSettled = false;
    statement.resolve = (result) => {
      isSettled = true;
      resolve(result);
    };
    statement.reject = (error) => {
      if (isSettled) {
        if (error instanceof postgres.PostgresError) late.add(error);
        return;
      }
      isSettled = true;
      if (!(error instanceof Error && late.has(error))) {
        reject(error);
        return;
      }
      const again = send(...asked);
      (statement.isRaw ? again.values() : again).then(resolve, reject);
    };
    return statement;
  };
  return send;
};

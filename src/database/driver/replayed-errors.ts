import postgres from 'postgres';
import { type Ask, type Guard, intercept } from './statement.ts';

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
    let isSettled = false;
    const driver = intercept(statement, {
      resolve: (result) => {
        isSettled = true;
        driver.resolve(result);
      },
      reject: (error) => {
        if (isSettled) {
          if (error instanceof postgres.PostgresError) late.add(error);
          return;
        }
        isSettled = true;
        if (!(error instanceof Error && late.has(error))) {
          driver.reject(error);
          return;
        }
        const again = send(...asked);
        (statement.isRaw ? again.values() : again).then(driver.resolve, driver.reject);
      },
    });
    return statement;
  };
  return send;
};

import { type Guard, intercept } from './statement.ts';

/**
 * Removes holes from results. If a statement broke off in the middle of its rows, by an error or with its connection,
 * the driver does not reset its row counter. The next result then begins with as many holes, and `const [row] = …`
 * finds nothing.
 *
 * https://github.com/porsager/postgres/issues/1119, https://github.com/porsager/postgres/issues/1181
 */
export const withoutHoles: Guard =
  (ask) =>
  (...asked) => {
    const statement = ask(...asked);
    const driver = intercept(statement, {
      resolve: (result) => {
        // In place, because the result object also has properties of the statement.
        if (Array.isArray(result) && result.length > 0 && !(0 in result)) result.splice(0, result.findIndex(Boolean));
        driver.resolve(result);
      },
    });
    return statement;
  };

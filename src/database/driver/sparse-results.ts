import type { Guard } from './statement.ts';

/**
 * Takes the holes out of results. If a statement broke off in the midst of its rows, by an error or with its connection, the
 * driver goes on counting there: the next result begins with as many holes, and `const [row] = …` finds none.
 *
 * https://github.com/porsager/postgres/issues/1119, https://github.com/porsager/postgres/issues/1181
 */
export const withoutHoles: Guard =
  (ask) =>
  (...asked) => {
    const statement = ask(...asked);
    const { resolve } = statement;
    statement.resolve = (result) => {
      // In place, because the result also says what the statement was.
      if (Array.isArray(result) && result.length > 0 && !(0 in result)) result.splice(0, result.findIndex(Boolean));
      resolve(result);
    };
    return statement;
  };

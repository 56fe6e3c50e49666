import postgres from 'postgres';

interface Query extends PromiseLike<unknown> {
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Rows come as arrays. */
  readonly isRaw?: boolean;
  values(): Query;
}

/** Answers of Postgres that were told a statement after it was given up, with its connection. */
const late = new WeakSet<object>();

/**
 * Keeps from a client, as Drizzle uses it, what the driver remembers of a connection's former statement:
 * - Where that one broke off in the midst of its rows, by an error or with the connection, the driver goes on counting
 *   there: the next result begins with as many holes, and `const [row] = …` finds none (porsager/postgres issues 1119 and 1181).
 * - Where the connection was lost after an error and before the end of its answer, the next connection's first statement is
 *   refused with that error, unsent. Here it is sent.
 */
export function withoutDriverFaults<Client extends Pick<postgres.Sql, 'unsafe'>>(client: Client): Client {
  const unsafe = client.unsafe as unknown as (...asked: unknown[]) => Query;
  const send = (...asked: unknown[]): Query => {
    const query = unsafe(...asked);
    const { resolve, reject } = query;
    let isSettled = false;
    query.resolve = (result) => {
      isSettled = true;
      resolve(withoutHoles(result));
    };
    query.reject = (error) => {
      if (isSettled) {
        if (error instanceof postgres.PostgresError) late.add(error);
        return;
      }
      isSettled = true;
      if (!isLate(error)) {
        reject(error);
        return;
      }
      const sent = send(...asked);
      (query.isRaw ? sent.values() : sent).then(resolve, reject);
    };
    return query;
  };
  client.unsafe = send as never;
  return client;
}

/** In place, for the result also says what the statement was. */
function withoutHoles(result: unknown): unknown {
  if (!Array.isArray(result)) return result;
  if (result.length > 0 && !(0 in result)) result.splice(0, result.findIndex(Boolean));
  return result;
}

function isLate(error: unknown): boolean {
  return error instanceof Error && late.has(error);
}

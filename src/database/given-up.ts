type Ask = (...asked: unknown[]) => Query;
interface Query {
  handler: (query: Query) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** What is needed of the driver's client here. */
interface Client {
  unsafe: unknown;
  end(options: { timeout: number }): Promise<void>;
}

/** The longest that an answer is waited for, in ms, where the ones before did not come. */
const LONGEST_MS = 300_000;

/**
 * Gives connections up on which an answer does not come: the way may be broken without either end having been told, and TCP
 * would go on for a quarter of an hour. Only for short statements that wait for no lock. Where Postgres itself stands still
 * new connections are of no use and only become many: after each that does not answer the next one is given twice the time.
 *
 * @param client as it is used from now on; what was asked on what is given up fails as with a lost connection.
 * @param open opens another one like it.
 * @returns ends what is in use.
 */
export function givenUpAfter(
  ms: number,
  client: Client,
  open: () => Client,
): (options: { timeout: number }) => Promise<void> {
  const end = client.end.bind(client);
  let current = { ask: client.unsafe as Ask, end };
  let patience = ms;
  client.unsafe = ((...asked) => {
    const asking = current;
    const query = asking.ask(...asked);
    const { handler, resolve, reject } = query;
    let timer: NodeJS.Timeout | undefined;
    query.handler = (sent) => {
      timer = setTimeout(() => {
        if (current !== asking) return;
        patience = Math.min(LONGEST_MS, patience * 2);
        const other = open();
        current = { ask: other.unsafe as Ask, end: other.end.bind(other) };
        asking.end({ timeout: 0 }).catch(() => undefined);
      }, patience).unref();
      return handler(sent);
    };
    query.resolve = (result) => {
      clearTimeout(timer);
      patience = ms;
      resolve(result);
    };
    query.reject = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    return query;
  }) satisfies Ask;
  return (options) => current.end(options);
}

type Ask = (...asked: unknown[]) => Query;
interface Query {
  handler: (query: Query) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Keeps the driver from sending a statement behind another one on the same connection when all are busy: it would wait
 * with that one, for a lock for example, although it has nothing to do with it. It waits for the first connection that is free.
 *
 * The driver's own setting for this breaks its transactions. Statements of transactions are not counted here.
 * @param connections that the client has.
 */
export function unpipelined<Client extends { unsafe: unknown }>(client: Client, connections: number): Client {
  const unsafe = client.unsafe as Ask;
  const waiting: (() => void)[] = [];
  let busy = 0;
  const free = () => {
    const next = waiting.shift();
    // Not at once: the driver tells the end of a statement before it knows that its connection is closed. It would send the
    // next one there, which ends the process.
    if (next) queueMicrotask(next);
    else busy--;
  };
  client.unsafe = ((...asked) => {
    const query = unsafe(...asked);
    const { handler, resolve, reject } = query;
    let isSent = false;
    const ended = () => {
      if (isSent) free();
      isSent = false;
    };
    query.handler = (sent) => {
      const send = () => {
        isSent = true;
        handler(sent);
      };
      if (busy >= connections) return waiting.push(send);
      busy++;
      return send();
    };
    query.resolve = (result) => {
      ended();
      resolve(result);
    };
    query.reject = (error) => {
      ended();
      reject(error);
    };
    return query;
  }) satisfies Ask;
  return client;
}

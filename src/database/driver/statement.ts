/**
 * What the files in this folder know of the driver, postgres.js, besides its public interface. Each of them works around one
 * fault of the driver or of Drizzle, and names the upstream issue. They rely on private parts, so package.json names exact
 * versions of both. With a new version, try each file's test without the file first.
 */

/** A statement of the driver. It is sent when somebody awaits it. */
export interface Statement extends PromiseLike<unknown> {
  /** Sends it. */
  handler: (statement: Statement) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Asks Postgres to cancel it; null if it was asked already. */
  canceller: ((statement: Statement) => Promise<void>) | null;
  /** The backend that it was sent to; unset as long as it waits for a connection. */
  readonly state?: { readonly pid: number | null; readonly secret: number | null } | null;
  /** Postgres works on it: nothing that was sent before on the same connection is unanswered. */
  readonly active?: boolean;
  /** It was sent, or is about to be. */
  readonly executed?: boolean;
  /** Its rows come as arrays. */
  readonly isRaw?: boolean;
  values(): Statement;
}

/** Makes a statement, as the driver's `unsafe` does. */
export type Ask = (...asked: unknown[]) => Statement;

/** Puts something between those who ask and the driver. */
export type Guard = (ask: Ask) => Ask;

/** Lets a client's `unsafe` go through guards; the first is the one nearest to the driver. */
export function guard<Client extends { unsafe: unknown }>(client: Client, guards: readonly Guard[]): Client {
  client.unsafe = guards.reduce((ask, next) => next(ask), client.unsafe as Ask);
  return client;
}

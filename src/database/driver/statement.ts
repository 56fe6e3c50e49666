/**
 * The private parts of the driver, postgres.js, that the files in this folder and in `drizzle/` rely on. Each file works around one fault
 * of the driver or of Drizzle, and names the upstream issue, or says that none is known. Because of this, package.json has exact versions of both.
 * With a new version, first try each file's test without the file.
 */

/** A statement of the driver. It is sent when somebody awaits it. */
export interface Statement extends PromiseLike<unknown> {
  /** Sends the statement. */
  handler: (statement: Statement) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Asks Postgres to cancel it; null if that was already done. */
  canceller: ((statement: Statement) => Promise<void>) | null;
  /** The backend that it was sent to; unset while it waits for a connection. */
  readonly state?: { readonly pid: number | null; readonly secret: number | null } | null;
  /** Postgres is working on it: everything sent before it on the same connection has been answered. */
  readonly active?: boolean;
  /** It was sent, or is about to be. */
  readonly executed?: boolean;
  /** Its rows come as arrays. */
  readonly isRaw?: boolean;
  values(): Statement;
}

type StatementSteps = Pick<Statement, 'handler' | 'resolve' | 'reject'>;

/**
 * Replaces steps of a statement, each of which the driver calls once or more.
 * @returns the steps as they were, for the replacements to call.
 */
export function intercept(statement: Statement, steps: Partial<StatementSteps>): StatementSteps {
  const { handler, resolve, reject } = statement;
  if (steps.handler) statement.handler = steps.handler;
  if (steps.resolve) statement.resolve = steps.resolve;
  if (steps.reject) statement.reject = steps.reject;
  return { handler, resolve, reject };
}

/** Asks Postgres to cancel a statement that was sent. Calling it again does nothing. */
export async function cancel(statement: Statement): Promise<void> {
  const { canceller } = statement;
  statement.canceller = null;
  await canceller?.(statement);
}

/** Makes a statement, as the driver's `unsafe` does. */
export type Ask = (...asked: unknown[]) => Statement;

/** Wraps the function that sends statements to the driver. */
export type Guard = (ask: Ask) => Ask;

/** Lets a client's `unsafe` go through guards; the first guard is closest to the driver. */
export function guard<Client extends { unsafe: unknown }>(client: Client, guards: readonly Guard[]): Client {
  client.unsafe = guards.reduce((ask, next) => next(ask), client.unsafe as Ask);
  return client;
}

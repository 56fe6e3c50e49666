/** An error as it goes into the log. */
export interface DescribedError {
  readonly type: string;
  /** What happened, and after colons what caused it. */
  readonly message: string;
  readonly stack: string;
  readonly [fact: string]: unknown;
}

/** Texts that an error may say besides its message: names of things, never what somebody has written. */
const SAFE_TEXTS = [
  ...['code', 'state', 'projection', 'commandId', 'severity', 'routine'],
  ...['schema_name', 'table_name', 'column_name', 'constraint_name'],
  ...['syscall', 'address', 'hostname'],
];

/** Errors that cause each other in a circle would never end. */
const MAX_CAUSES = 10;

/**
 * What the operator has to know of an error, without the values that it is about: Drizzle's errors repeat a statement's
 * parameters, Postgres' a row, GraphQL's a document. Customers' names and addresses are no business of a log.
 */
export function describeError(error: unknown): DescribedError | unknown {
  if (!(error instanceof Error)) return error;
  const chain: Error[] = [];
  for (let cause: unknown = error; cause instanceof Error && chain.length < MAX_CAUSES; cause = causeOf(cause)) {
    if (chain.includes(cause)) break;
    chain.push(cause);
  }
  return {
    // The first cause says most of what there is to say.
    ...Object.assign({}, ...chain.map(factsOf).reverse()),
    type: error.constructor.name,
    message: chain.map(messageOf).join(': '),
    stack: chain.map((each) => `${each.constructor.name}: ${messageOf(each)}\n${framesOf(each)}`).join('\ncaused by: '),
  };
}

function causeOf(error: Error): unknown {
  return 'originalError' in error && error.originalError ? error.originalError : error.cause;
}

function messageOf(error: Error): string {
  if ('query' in error && 'params' in error) return `Failed query: ${error.query}`;
  const { code } = error as { code?: unknown };
  // SQLSTATE class 22 is about values, and quotes them.
  const isAboutValue = error.name === 'PostgresError' && String(code).startsWith('22');
  return isAboutValue ? error.message.replace(/".*"/s, '"…"') : error.message;
}

function framesOf(error: Error): string {
  const lines = error.stack?.split('\n') ?? [];
  return lines.filter((line) => /^\s+at /.test(line)).join('\n');
}

function factsOf(error: Error): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(error).filter(([name, value]) => typeof value === 'number' || SAFE_TEXTS.includes(name)),
  );
}

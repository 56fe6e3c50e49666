import type { ShownFault } from '../../graphql/errors.ts';

/** An error in the form for the log. */
export interface DescribedError {
  readonly type: string;
  /** The error's message, followed by those of its causes, separated by colons. */
  readonly message: string;
  readonly stack: string;
  readonly [fact: string]: unknown;
}

/** Properties of an error that may be logged besides its message: names of things, never what somebody has written. */
const SAFE_TEXTS = [
  ...['code', 'state', 'projection', 'commandId', 'severity', 'routine'],
  ...['schema_name', 'table_name', 'column_name', 'constraint_name'],
  ...['syscall', 'address', 'hostname'],
];

/** Characters of a statement. */
const STATEMENT_LENGTH = 200;

/** Errors that cause each other in a circle would never end. */
const MAX_CAUSES = 8;

/**
 * What the operator needs to know about an error, without the values that it is about: Drizzle's errors repeat a
 * statement's parameters, Postgres' a row, GraphQL's a document. Personal data does not belong in a log.
 */
export function describeError(error: unknown): DescribedError | unknown {
  if (!(error instanceof Error)) return error;
  const chain = chainOf(error);
  return {
    // The first cause usually says the most.
    ...Object.assign({}, ...chain.map(factsOf).reverse()),
    type: chain[0]?.constructor.name ?? error.name,
    message: chain.map(messageOf).join(': '),
    stack: chain.map((each) => `${each.constructor.name}: ${messageOf(each)}\n${framesOf(each)}`).join('\ncaused by: '),
  };
}

/** What the author of a resolver needs to know about an error in development, without the values that it is about. */
export function shownFault(error: unknown): ShownFault {
  const { message, stack } = describeError(error instanceof Error ? error : new Error(String(error))) as DescribedError;
  return { message, stack: stack.split('\n').map((line) => line.trim()) };
}

/** The error and its causes. GraphQL wraps errors only to add the place in the document; the wrapper is skipped. */
function chainOf(error: Error): Error[] {
  const chain: Error[] = [];
  let next: unknown = error;
  for (let depth = 0; next instanceof Error && depth < MAX_CAUSES; depth++) {
    const wrapped: unknown = 'originalError' in next ? next.originalError : undefined;
    if (!(wrapped instanceof Error)) chain.push(next);
    next = wrapped ?? next.cause;
  }
  return chain;
}

function messageOf(error: Error): string {
  if ('query' in error && 'params' in error) return `Failed query: ${beginningOf(String(error.query))}`;
  const { code } = error as { code?: unknown };
  // SQLSTATE class 22 is about values, and quotes them.
  const isAboutValue = error.name === 'PostgresError' && String(code).startsWith('22');
  return isAboutValue ? error.message.replace(/".*"/s, '"…"') : error.message;
}

/** Only the beginning of a statement: the reason for the failure follows it and must stay readable. */
function beginningOf(statement: string): string {
  const line = statement.trim().replace(/\s+/g, ' ');
  return line.length > STATEMENT_LENGTH ? `${line.slice(0, STATEMENT_LENGTH)} …` : line;
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

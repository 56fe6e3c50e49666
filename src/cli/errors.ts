import { rootOf } from '../database/errors.ts';

/** Why a command fails, besides the codes of the database, the engine and the configuration. */
export const CLI_ERROR_CODES = [
  ...([
    'NO_APP',
    'BAD_NAME',
    'DOMAIN_EXISTS',
    'NODE_TOO_OLD',
    'DATABASE_NOT_SET_UP',
    'STORE_MISSING',
    'NOT_CONFIRMED',
    'INTERRUPTED',
    'PROBLEMS_FOUND',
    'SCHEMA_OUTDATED',
  ] as const),
  ...(['CHECK_FAILED', 'EVENTS_OUTDATED', 'EVENT_CHANGED'] as const),
  ...(['LOG_ALTERED', 'NOT_PROVED', 'BAD_PUBLIC_KEY', 'NO_SUCH_FILE', 'FILE_EXISTS'] as const),
  ...(['WHICH_TENANT', 'NO_SUCH_TENANT', 'TENANTS_FAILED'] as const),
  ...(['NO_SUCH_POSITION', 'NOT_CHAINED', 'NOT_SIGNED_YET', 'LEFT_PLAIN', 'PLAIN_DATA'] as const),
  ...(['LOG_DAMAGED', 'UNREADABLE_EVENT', 'DEAD_LETTER_NOT_FOUND', 'WHAT_TO_RETRY', 'STILL_WAITING'] as const),
  ...([
    'NO_SUCH_READ_MODEL',
    'NOT_AS_THE_LOG_SAYS',
    'PROJECTION_STALLED',
    'REBUILD_CANCELLED',
    'REBUILD_STALLED',
  ] as const),
] as const;

/** A command failed; one line for the person who typed it. */
export class CliError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
  }
}

/** Somebody pressed Ctrl-C, or the process was asked to end. */
export class InterruptedError extends Error {
  readonly code = 'INTERRUPTED';
  /** The exit code that a shell expects of a process that was ended by a signal. */
  readonly exitCode: number;

  constructor(signal: string, signalNumber: number) {
    super(`Stopped by ${signal}.`);
    this.name = 'InterruptedError';
    this.exitCode = 128 + signalNumber;
  }
}

/** Any error as one line that begins with its code, if it has one. */
export function errorLine(error: unknown): string {
  // Our errors carry a code and a sentence; Drizzle's carry the statement, and their cause says what happened.
  const own = error instanceof Error && 'code' in error && typeof error.code === 'string';
  const { code, message } = own ? { code: String(error.code), message: error.message } : rootOf(error);
  const line = message.replace(/\s*\n\s*/g, ' ').trim() || String(error);
  return code === '' ? `Error: ${line}` : `Error ${code}: ${line}`;
}

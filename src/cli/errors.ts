import { rootOf } from '../database/errors.ts';

/** A command could not do what it was asked to, as one line for the person who typed it. */
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
  /** What a shell expects of a process that a signal ended. */
  readonly exitCode: number;

  constructor(signal: string, signalNumber: number) {
    super(`Stopped by ${signal}.`);
    this.name = 'InterruptedError';
    this.exitCode = 128 + signalNumber;
  }
}

/** Any error as one line that begins with its code, where it has one. */
export function errorLine(error: unknown): string {
  // Ours carry a code and a sentence; Drizzle's carry the statement, and what happened is in their cause.
  const own = error instanceof Error && 'code' in error && typeof error.code === 'string';
  const { code, message } = own ? { code: String(error.code), message: error.message } : rootOf(error);
  const line = message.replace(/\s*\n\s*/g, ' ').trim() || String(error);
  return code === '' ? `Error: ${line}` : `Error ${code}: ${line}`;
}

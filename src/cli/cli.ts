import type { Command } from 'commander';
import { withoutCredentials } from '../text/credentials.ts';
import { terminalSafe } from '../text/terminal.ts';

/** What a command works with; the process in `main.ts`, something else in a test. */
export interface Cli {
  readonly env: NodeJS.ProcessEnv;
  /** Results. */
  readonly out: Output;
  /** Progress, notices and errors, so that results can be piped. */
  readonly err: Output;
  /** Aborted where somebody presses Ctrl-C or the process is asked to end. */
  readonly signal: AbortSignal;
}

/** A stream of lines; a terminal where it says so. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** What each file of a command exports: a function that makes it. */
export type CommandFactory = (cli: Cli) => Command;

/** Writes a line of a result. Whatever was stored is shown and not obeyed: a terminal sees no control characters. */
export function print(cli: Cli, line = ''): void {
  cli.out.write(`${terminalSafe(line)}\n`);
}

/** Writes a value as JSON of several lines, for a program or a reader. */
export function printJson(cli: Cli, value: unknown): void {
  for (const line of JSON.stringify(value, undefined, 2).split('\n')) print(cli, line);
}

/** Writes a line that is not a result: what takes a while, what an operator should know. */
export function say(cli: Cli, line: string): void {
  cli.err.write(`${terminalSafe(withoutCredentials(line))}\n`);
}

import type { Command } from 'commander';
import type { App } from '../definition/app.ts';
import { withoutCredentials } from '../text/credentials.ts';
import { terminalSafe } from '../text/terminal.ts';

/** The environment of a command. */
export interface Cli extends OfflineCli {
  readonly app: App;
}

/** The environment of a command that needs no application. */
export interface OfflineCli {
  /** The project's folder: `schema/` and other files of the application are in it. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** The tenant that the command is for: `--tenant NAME`. */
  readonly tenant?: string | undefined;
  /** Results. */
  readonly out: Output;
  /** Progress, notices and errors, so that results can be piped. */
  readonly err: Output;
  /** Aborted when somebody presses Ctrl-C or the process is asked to end. */
  readonly signal: AbortSignal;
}

/** A stream of lines; `isTTY` is true for a terminal. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** The export of each command's file: a function that creates the command. */
export type CommandFactory = (cli: Cli) => Command;

/** The export of the file of a command that needs no application. */
export type OfflineCommandFactory = (cli: OfflineCli) => Command;

/**
 * How this command line is called, for sentences that name a command: the script of the repository that is called `cli`, or
 * the program of the package.
 */
export function programOf(env: NodeJS.ProcessEnv): string {
  return env.npm_lifecycle_event === 'cli' ? 'npm run cli --' : 'npx afterwrite';
}

/**
 * Writes a line of a result. Control characters in stored text are escaped, so that a terminal does not execute them.
 */
export function print(cli: OfflineCli, line = ''): void {
  cli.out.write(`${terminalSafe(line)}\n`);
}

/** Writes a value as JSON on several lines, for a program or a reader. */
export function printJson(cli: OfflineCli, value: unknown): void {
  for (const line of JSON.stringify(value, undefined, 2).split('\n')) print(cli, line);
}

/** Writes a line that is not a result: progress, and notices for the operator. */
export function say(cli: OfflineCli, line: string): void {
  cli.err.write(`${terminalSafe(withoutCredentials(line))}\n`);
}

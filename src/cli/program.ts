import { type Command, CommanderError } from 'commander';
import { later } from '../scheduling/timers.ts';
import { type OfflineCli, say } from './cli.ts';
import { errorLine, InterruptedError } from './errors.ts';
import { watchInterrupts } from './interrupts.ts';

/** How long the rest of the process may take to end, in ms. */
const LINGER_MS = 1000;

/**
 * Runs a command as this process, and sets its exit code. Ends the process a moment after the command, whatever still holds
 * it.
 * @param work what the words on the command line ask for; returns the exit code.
 */
export async function runAsProcess(work: (cli: OfflineCli) => Promise<number>, folder: string): Promise<void> {
  // The reader of the results may have seen enough: `events list | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { env, stdout: out, stderr: err } = process;
  process.exitCode = await work({ folder, env, out, err, signal: watchInterrupts() });
  // A lost connection may still be trying to reconnect.
  later(LINGER_MS, () => process.exit(), { keepsProcess: false });
}

/**
 * Runs the command that the words name.
 *
 * @returns the exit code: 0 done, 1 failed, 2 not understood, that of the signal if it was interrupted.
 */
export async function runProgram(
  create: () => Command | Promise<Command>,
  cli: OfflineCli,
  args: readonly string[],
): Promise<number> {
  try {
    const program = await create();
    configure(program, cli);
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has already written the message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    say(cli, errorLine(error));
    return error instanceof InterruptedError ? error.exitCode : 1;
  }
}

/** Otherwise Commander would write to the streams of the process, and end it. */
function configure(command: Command, cli: OfflineCli): void {
  command
    .exitOverride()
    .showHelpAfterError('(add --help for how to use it)')
    .configureOutput({ writeOut: (text) => cli.out.write(text), writeErr: (text) => cli.err.write(text) });
  for (const child of command.commands) configure(child, cli);
}

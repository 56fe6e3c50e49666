import { Command, CommanderError } from 'commander';
import type { AppWithCommands } from '../definition/define-app.ts';
import { later } from '../scheduling/timers.ts';
import { documentsCommand } from './api/documents.ts';
import { schemaCommand } from './api/schema.ts';
import { checkCommand } from './check/check.ts';
import { type Cli, programOf, say } from './cli.ts';
import { clockAcceptCommand } from './clock/accept.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './database/doctor.ts';
import { migrateCommand } from './database/migrate.ts';
import { restoreEpochCommand } from './database/restore-epoch.ts';
import { deadLettersDiscardCommand } from './dead-letters/discard.ts';
import { deadLettersListCommand } from './dead-letters/list.ts';
import { deadLettersRetryCommand } from './dead-letters/retry.ts';
import { deadLettersShowCommand } from './dead-letters/show.ts';
import { devCommand } from './dev.ts';
import { errorLine, InterruptedError } from './errors.ts';
import { eventsCheckCommand } from './events/check.ts';
import { eventsListCommand } from './events/list.ts';
import { generateCommand } from './generate/generate.ts';
import { watchInterrupts } from './interrupts.ts';
import { parkedDiscardCommand } from './parked/discard.ts';
import { parkedListCommand } from './parked/list.ts';
import { parkedRetryCommand } from './parked/retry.ts';
import { projectionsPruneCommand } from './projections/prune.ts';
import { projectionsRebuildCommand } from './projections/rebuild.ts';
import { projectionsStatusCommand } from './projections/status.ts';
import { projectionsVerifyCommand } from './projections/verify.ts';
import { projectorCommand } from './projector.ts';
import { startCommand } from './start.ts';

/** The commands, in the order of the help. */
function commandsOf(cli: Cli): Command[] {
  return [
    startCommand(cli),
    devCommand(cli),
    new Command('events')
      .description('inspect the log')
      .addCommand(eventsListCommand(cli))
      .addCommand(eventsCheckCommand(cli)),
    new Command('projections')
      .description('manage the read models')
      .addCommand(projectionsStatusCommand(cli))
      .addCommand(projectionsRebuildCommand(cli))
      .addCommand(projectionsVerifyCommand(cli))
      .addCommand(projectionsPruneCommand(cli)),
    projectorCommand(cli),
    new Command('dead-letters')
      .description('manage the events that read models could not apply')
      .addCommand(deadLettersListCommand(cli))
      .addCommand(deadLettersShowCommand(cli))
      .addCommand(deadLettersRetryCommand(cli))
      .addCommand(deadLettersDiscardCommand(cli)),
    new Command('clock')
      .description('manage the time at which events are recorded')
      .addCommand(clockAcceptCommand(cli)),
    new Command('parked')
      .description('manage parked steps of processes and parked external calls')
      .addCommand(parkedListCommand(cli))
      .addCommand(parkedRetryCommand(cli))
      .addCommand(parkedDiscardCommand(cli)),
    doctorCommand(cli),
    migrateCommand(cli),
    restoreEpochCommand(cli),
    checkCommand(cli),
    generateCommand(cli),
    schemaCommand(cli),
    documentsCommand(cli),
    configCommand(cli),
  ];
}

/** How long the rest of the process may take to end, in ms. */
const LINGER_MS = 1000;

const helpOf = (program: string) => `
Every command works beside a running server as well as without one: it uses the Postgres of DATABASE_URL, else the
embedded one in DATA_DIR, which it starts if necessary. \`${program} config\` shows what is set.

Results go to standard output, progress and errors to standard error.
Exit codes: 0 done, 1 failed (one line says why), 2 not understood, 130 stopped by Ctrl-C.`;

async function createProgram(app: AppWithCommands, cli: Cli): Promise<Command> {
  const name = programOf(cli.env);
  const program = new Command(name).description('Afterwrite from the command line.').addHelpText('after', helpOf(name));
  for (const create of await app.commands()) {
    program.addCommand(create(cli).helpGroup(`Commands of ${app.name}:`));
  }
  for (const command of commandsOf(cli)) program.addCommand(command.helpGroup('Commands:'));
  configure(program, cli);
  return program;
}

/** Otherwise Commander would write to the streams of the process, and end it. */
function configure(command: Command, cli: Cli): void {
  command
    .exitOverride()
    .showHelpAfterError('(add --help for how to use it)')
    .configureOutput({ writeOut: (text) => cli.out.write(text), writeErr: (text) => cli.err.write(text) });
  for (const child of command.commands) configure(child, cli);
}

/**
 * Runs the command line of an application, and sets the exit code of the process: 0 done, 1 failed, 2 not understood, 130
 * stopped by Ctrl-C. Ends the process a moment after the command, whatever still holds it.
 * @param args the words after the program's name.
 * @param folder of the project.
 */
export async function run(app: AppWithCommands, args: readonly string[], folder = process.cwd()): Promise<void> {
  // The reader of the results may have seen enough: `events list | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { env, stdout: out, stderr: err } = process;
  const cli: Cli = { app, folder, env, out, err, signal: watchInterrupts() };
  process.exitCode = await runCommand(app, cli, args);
  // A lost connection may still be trying to reconnect.
  later(LINGER_MS, () => process.exit(), { keepsProcess: false });
}

/**
 * Runs the command that the words name.
 *
 * @returns the exit code.
 */
export async function runCommand(app: AppWithCommands, cli: Cli, args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(app, cli);
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has already written the message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    say(cli, errorLine(error));
    return error instanceof InterruptedError ? error.exitCode : 1;
  }
}

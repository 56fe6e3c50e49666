import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command } from 'commander';
import { type Cli, type CommandFactory, say } from './cli.ts';
import { withServer } from './context.ts';
import { CliError, InterruptedError } from './errors.ts';

/** `dev`: serves the application, and starts it again when one of its files changes. */
export const devCommand: CommandFactory = (cli) =>
  new Command('dev')
    .description('serve the application, and start it again when one of its files changes')
    .action(async () => {
      try {
        // Held here, so that an embedded Postgres keeps running while the server starts again.
        await withServer(cli, () => watch(cli));
      } catch (error) {
        // Somebody stops it sooner or later: no failure.
        if (!(error instanceof InterruptedError)) throw error;
      }
    });

async function watch(cli: Cli): Promise<void> {
  const program = process.argv[1];
  if (program === undefined) throw new CliError('NO_APP', 'It is not known how this process was started.');
  const child = spawn(process.execPath, ['--watch', '--watch-preserve-output', program, 'start'], {
    cwd: cli.folder,
    env: { REBUILD_CHANGED_FOLDS: 'on', ...cli.env },
    stdio: 'inherit',
  });
  const stop = () => child.kill('SIGTERM');
  cli.signal.addEventListener('abort', stop, { once: true });
  try {
    if (cli.signal.aborted) stop();
    await ended(child);
  } finally {
    cli.signal.removeEventListener('abort', stop);
  }
  if (!cli.signal.aborted) say(cli, 'The server has ended.');
}

async function ended(child: ChildProcess): Promise<void> {
  await once(child, 'close');
}

import { Command } from 'commander';
import type { AppWithCommands } from '../definition/define-app.ts';
import { documentsCommand } from './api/documents.ts';
import { schemaCommand } from './api/schema.ts';
import { auditKeyGenerateCommand } from './audit-key/generate.ts';
import { checkCommand } from './check/check.ts';
import { type Cli, programOf } from './cli.ts';
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
import { eventsAuditCommand } from './events/audit.ts';
import { eventsCheckCommand } from './events/check.ts';
import { eventsExportCommand } from './events/export.ts';
import { eventsListCommand } from './events/list.ts';
import { eventsProveCommand } from './events/prove.ts';
import { eventsVerifyExportCommand } from './events/verify-export.ts';
import { eventsVerifyProofCommand } from './events/verify-proof.ts';
import { generateCommand } from './generate/generate.ts';
import { keyringCreateCommand } from './keyring/create.ts';
import { keyringRotateCommand } from './keyring/rotate.ts';
import { parkedDiscardCommand } from './parked/discard.ts';
import { parkedListCommand } from './parked/list.ts';
import { parkedRetryCommand } from './parked/retry.ts';
import { runAsProcess, runProgram } from './program.ts';
import { projectionsPruneCommand } from './projections/prune.ts';
import { projectionsRebuildCommand } from './projections/rebuild.ts';
import { projectionsStatusCommand } from './projections/status.ts';
import { projectionsVerifyCommand } from './projections/verify.ts';
import { projectorCommand } from './projector.ts';
import { readsListCommand } from './reads/list.ts';
import { startCommand } from './start.ts';
import { subjectsCheckCommand } from './subjects/check.ts';
import { subjectsEncryptExistingCommand } from './subjects/encrypt-existing.ts';
import { subjectsEraseCommand } from './subjects/erase.ts';
import { subjectsExportCommand } from './subjects/export.ts';
import { subjectsListCommand } from './subjects/list.ts';
import { subjectsShowCommand } from './subjects/show.ts';
import { sharedTenantsCommand } from './tenants/shared.ts';
import { tenantsCommand } from './tenants/tenants.ts';

/** What there is for the tenants of the application, if it has any. */
function tenantsCommandsOf(cli: Cli): Command[] {
  const { tenants } = cli.app;
  if (tenants === undefined) return [];
  return [tenants.mode === 'column' ? sharedTenantsCommand(cli) : tenantsCommand(cli)];
}

/** The commands, in the order of the help. */
function commandsOf(cli: Cli): Command[] {
  return [
    startCommand(cli),
    devCommand(cli),
    new Command('events')
      .description('inspect the log')
      .addCommand(eventsListCommand(cli))
      .addCommand(eventsCheckCommand(cli))
      .addCommand(eventsAuditCommand(cli))
      .addCommand(eventsExportCommand(cli))
      .addCommand(eventsVerifyExportCommand(cli))
      .addCommand(eventsProveCommand(cli))
      .addCommand(eventsVerifyProofCommand(cli)),
    new Command('audit-key').description('manage the key that signs the log').addCommand(auditKeyGenerateCommand(cli)),
    new Command('keyring')
      .description('manage the keyring with which personal data is encrypted')
      .addCommand(keyringCreateCommand(cli))
      .addCommand(keyringRotateCommand(cli)),
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
    new Command('subjects')
      .description('manage the people whom events are about')
      .addCommand(subjectsListCommand(cli))
      .addCommand(subjectsShowCommand(cli))
      .addCommand(subjectsExportCommand(cli))
      .addCommand(subjectsEraseCommand(cli))
      .addCommand(subjectsEncryptExistingCommand(cli))
      .addCommand(subjectsCheckCommand(cli)),
    new Command('reads').description('see who has read personal data').addCommand(readsListCommand(cli)),
    ...tenantsCommandsOf(cli),
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

const helpOf = (program: string) => `
Every command works beside a running server as well as without one: it uses the Postgres of DATABASE_URL, else the
embedded one in DATA_DIR, which it starts if necessary. \`${program} config\` shows what is set.

Results go to standard output, progress and errors to standard error.
Exit codes: 0 done, 1 failed (one line says why), 2 not understood, 130 stopped by Ctrl-C.`;

async function createProgram(app: AppWithCommands, surroundings: Cli): Promise<Command> {
  const name = programOf(surroundings.env);
  const program = new Command(name).description('Afterwrite from the command line.').addHelpText('after', helpOf(name));
  if (app.tenants) program.option('--tenant <name>', 'the tenant that the command is for');
  const cli: Cli = {
    ...surroundings,
    get tenant() {
      return program.opts<{ tenant?: string }>().tenant;
    },
  };
  for (const create of await app.commands()) {
    program.addCommand(create(cli).helpGroup(`Commands of ${app.name}:`));
  }
  for (const command of commandsOf(cli)) program.addCommand(command.helpGroup('Commands:'));
  return program;
}

/**
 * Runs the command line of an application, and sets the exit code of the process: 0 done, 1 failed, 2 not understood, 130
 * stopped by Ctrl-C. Ends the process a moment after the command, whatever still holds it.
 * @param args the words after the program's name.
 * @param folder of the project.
 */
export async function run(app: AppWithCommands, args: readonly string[], folder = process.cwd()): Promise<void> {
  await runAsProcess((cli) => runCommand(app, { ...cli, app }, args), folder);
}

/**
 * Runs the command that the words name.
 *
 * @returns the exit code.
 */
export function runCommand(app: AppWithCommands, cli: Cli, args: readonly string[]): Promise<number> {
  return runProgram(() => createProgram(app, cli), cli, args);
}

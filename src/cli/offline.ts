import { Command } from 'commander';
import { auditKeyGenerateCommand } from './audit-key/generate.ts';
import { type OfflineCli, type OfflineCommandFactory, programOf } from './cli.ts';
import { eventsVerifyExportCommand } from './events/verify-export.ts';
import { eventsVerifyProofCommand } from './events/verify-proof.ts';
import { runAsProcess, runProgram } from './program.ts';

/** The commands that work in any folder, by their groups: an auditor has neither the application nor its database. */
const FACTORIES: Readonly<Record<string, Readonly<Record<string, OfflineCommandFactory>>>> = {
  events: { 'verify-export': eventsVerifyExportCommand, 'verify-proof': eventsVerifyProofCommand },
  'audit-key': { generate: auditKeyGenerateCommand },
};

/** True if the words name a command that needs neither an application nor a database. */
export function isOffline([group = '', name = '']: readonly string[]): boolean {
  return FACTORIES[group]?.[name] !== undefined;
}

function createProgram(cli: OfflineCli): Command {
  const program = new Command(programOf(cli.env));
  for (const [name, factories] of Object.entries(FACTORIES)) {
    const group = program.command(name);
    for (const create of Object.values(factories)) group.addCommand(create(cli));
  }
  return program;
}

/** Runs such a command as this process. */
export async function runOffline(args: readonly string[], folder: string): Promise<void> {
  await runAsProcess((cli) => runOfflineCommand(cli, args), folder);
}

/** Runs such a command. @returns the exit code. */
export function runOfflineCommand(cli: OfflineCli, args: readonly string[]): Promise<number> {
  return runProgram(() => createProgram(cli), cli, args);
}

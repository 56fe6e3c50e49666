import { once } from 'node:events';
import { Command, Option } from 'commander';
import type { ExportFormat } from '../../kernel/subjects/export/write-personal-data.ts';
import type { CommandFactory } from '../cli.ts';
import { withEngine } from '../context.ts';

/** `subjects export`: everything that the log has about a person. */
export const subjectsExportCommand: CommandFactory = (cli) =>
  new Command('export')
    .description('write all that the log has about a person, and all that they did')
    .argument('<subject>', 'type and id of the person')
    .addOption(
      new Option('--format <format>', 'for a program or for a reader').choices(['json', 'text']).default('json'),
    )
    .addHelpText(
      'after',
      `
The whole log is read, also events from before there was a keyring. What others did is in it without their names, and events that
are about others are in it without data, because that belongs to them.`,
    )
    .action((subject: string, { format }: { readonly format: ExportFormat }) =>
      withEngine(cli, async ({ engine }) => {
        for await (const piece of engine.subjects.export(subject, format, cli.signal)) {
          if (!cli.out.write(piece)) await once(cli.out, 'drain', { signal: cli.signal });
        }
      }),
    );

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { printedSchema, schemaOf } from '../../graphql/schema.ts';
import { type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';

const FILE = 'schema/schema.graphql';

/** Most lines of a difference that are shown. */
const MAX_SHOWN = 20;

/** `schema`: prints or checks the API that this code defines. */
export const schemaCommand: CommandFactory = (cli) =>
  new Command('schema')
    .description('print the GraphQL schema that this version serves; needs no database')
    .addOption(new Option('--write', `write it to ${FILE}`).conflicts('check'))
    .addOption(new Option('--check', `fail if ${FILE} is not what the code makes, for example in CI`))
    .action(async ({ write, check }: { write?: boolean; check?: boolean }) => {
      const made = printedSchema(schemaOf(cli.app));
      if (!write && !check) {
        for (const line of made.trimEnd().split('\n')) print(cli, line);
        return;
      }
      const path = join(cli.folder, FILE);
      const committed = await readFile(path, 'utf8').catch(() => '');
      if (committed === made) return print(cli, `${FILE} is what the code makes.`);
      if (write) {
        await writeFile(path, made);
        return print(cli, `Written to ${FILE}.`);
      }
      for (const line of differenceOf(committed, made)) print(cli, line);
      throw new CliError(
        'SCHEMA_OUTDATED',
        `${FILE} is not what the code makes: look at the difference and run \`npm run schema -- --write\`.`,
      );
    });

/**
 * The lines between the common beginning and the common end: `-` is only in the file, `+` only in the generated schema.
 */
export function differenceOf(committed: string, made: string): string[] {
  const [before, after] = [committed.split('\n'), made.split('\n')];
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return [
    `@@ line ${start + 1} @@`,
    ...shortened(before.slice(start, before.length - end).map((line) => `-${line}`)),
    ...shortened(after.slice(start, after.length - end).map((line) => `+${line}`)),
  ];
}

function shortened(lines: readonly string[]): string[] {
  const more = lines.length - MAX_SHOWN;
  return more > 1 ? [...lines.slice(0, MAX_SHOWN), `… and ${more} more lines`] : [...lines];
}

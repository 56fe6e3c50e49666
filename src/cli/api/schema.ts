import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { printedSchema, schemaOf } from '../../graphql/schema.ts';
import type { Checked, CheckOptions } from '../check/problem.ts';
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
    .action(async ({ write = false, check = false }: { write?: boolean; check?: boolean }) => {
      const made = printedSchema(schemaOf(cli.app));
      if (!write && !check) {
        for (const line of made.trimEnd().split('\n')) print(cli, line);
        return;
      }
      const { problems, lines } = await checkSchema(cli.folder, made, { write });
      for (const line of lines) print(cli, line);
      for (const { code, sentence } of problems) throw new CliError(code, sentence);
    });

/** Compares the schema that the code makes with the one that is committed, or writes it. */
export async function checkSchema(
  folder: string,
  made: string,
  { write }: Pick<CheckOptions, 'write'>,
): Promise<Checked> {
  const path = join(folder, FILE);
  const committed = await readFile(path, 'utf8').catch(() => '');
  if (committed === made) return { problems: [], lines: [`${FILE} is what the code makes.`] };
  if (write) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, made);
    return { problems: [], lines: [`Written to ${FILE}.`] };
  }
  const sentence = `${FILE} is not what the code makes: look at the difference, run \`afterwrite check --write\` and commit the file.`;
  return { problems: [{ code: 'SCHEMA_OUTDATED', sentence }], lines: differenceOf(committed, made) };
}

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

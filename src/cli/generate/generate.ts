import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { App } from '../../definition/app.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';
import { domainFiles, singularOf } from './domain-files.ts';

/** `generate`: writes code to begin with. */
export const generateCommand: CommandFactory = (cli) =>
  new Command('generate').description('write code to begin with').addCommand(
    new Command('domain')
      .description('write a domain: its four files, and a test that passes')
      .argument('<name>', 'in the plural, for example loans')
      .option('--singular <name>', 'for example loan, if it is not found from the plural')
      .addHelpText(
        'after',
        `
The files go into src/domains/<name> if there is a folder src/domains, else into domains/<name>. Nothing that is there is
changed: the last lines say what to add to the application.`,
      )
      .action((name: string, { singular }: { singular?: string }) => generateDomain(cli, name, singular)),
  );

async function generateDomain(cli: Cli, plural: string, given: string | undefined): Promise<void> {
  const singular = given ?? singularOf(plural);
  for (const word of [plural, singular]) {
    if (word !== undefined && !/^[a-z][a-z0-9]*$/.test(word)) {
      throw new CliError(
        'BAD_NAME',
        `${JSON.stringify(word)} cannot name a domain: use lower-case letters and digits.`,
      );
    }
  }
  if (singular === undefined || singular === plural) {
    throw new CliError(
      'BAD_NAME',
      `The singular of ${plural} is not known: add --singular with another word for one of them.`,
    );
  }
  const base = existsSync(join(cli.folder, 'src/domains')) ? 'src/domains' : 'domains';
  const folder = `${base}/${plural}`;
  if (existsSync(join(cli.folder, folder))) {
    throw new CliError('DOMAIN_EXISTS', `There is a folder ${folder} already: choose another name, or remove it.`);
  }
  const files = await domainFiles({ plural, singular, role: roleFor(cli.app) });
  await mkdir(join(cli.folder, folder), { recursive: true });
  for (const { name, text } of files) {
    await writeFile(join(cli.folder, folder, name), text, { flag: 'wx' });
    print(cli, `${folder}/${name}`);
  }
  print(cli);
  print(cli, 'Add it to the application, in afterwrite.config.ts:');
  print(cli, `  import { ${plural}Domain } from './${folder}/index.ts';`);
  print(cli, `  domains: [/* the others */, ${plural}Domain],`);
  print(cli, `Run its test: node --test ${folder}/${singular}.test.ts`);
}

/** A role that needs a rule: one that may not do everything anyway. */
function roleFor({ roles }: App): string {
  const names = Object.keys(roles);
  return names.find((name) => roles[name]?.power !== 'everything') ?? names[0] ?? 'system';
}

import { Command } from 'commander';
import { registerDomains } from '../../kernel/define/domain.ts';
import { isKeyringOf } from '../../kernel/privacy/claim-keyring.ts';
import { keyringOf } from '../../kernel/privacy/open-keyring.ts';
import { retentionSubject } from '../../kernel/privacy/subject-keys.ts';
import { checkStore, type StoreFindings } from '../../kernel/subjects/store-check.ts';
import { type CommandFactory, print, printJson } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { formatCount } from '../output/table.ts';

/** `subjects check`: looks for personal data that can be read although it should not. */
export const subjectsCheckCommand: CommandFactory = (cli) =>
  new Command('check')
    .description(
      'look for personal data that is not encrypted, that is kept for too long, and for erased people who can still be read',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Run it on a restored backup before anybody else may read it, after subjects encrypt-existing, and as often as your rules say. It reads
every event with personal data, changes nothing, and needs no server. Exit code 1 if it finds anything.`,
    )
    .action(({ json }: { readonly json?: boolean }) =>
      withDatabase(cli, async ({ db, config, tenant }) => {
        const keyring = await keyringOf(config, cli.app, tenant);
        if (keyring) await isKeyringOf(db, keyring);
        const found = await checkStore(db, registerDomains(cli.app.domains), keyring, { signal: cli.signal });
        const sentences = sentencesAbout(found);
        if (json) printJson(cli, found);
        else for (const sentence of sentences) print(cli, sentence);
        if (!json && sentences.length === 0)
          print(
            cli,
            'All personal data is encrypted, none is kept beyond its day, and nobody who was erased can be read.',
          );
        if (sentences.length > 0) throw new CliError('PLAIN_DATA', 'Personal data can be read that should not be.');
      }),
    );

function sentencesAbout({ plain, undecodable, unrecorded, overdue, outdated }: StoreFindings): string[] {
  return [
    ...plain.map(
      ({ type, events, first }) =>
        `${type}: ${formatCount(events)} events with personal data in plain text, the first at position ${first}. Run subjects encrypt-existing.`,
    ),
    ...(undecodable > 0
      ? [
          `${formatCount(undecodable)} events cannot be decoded, so that it is not known what of them is personal. Run events check.`,
        ]
      : []),
    ...unrecorded.map(
      (subject) =>
        `${subject}: erased in the keyring, and the store does not know it. Start a server: it records the erasure.`,
    ),
    ...overdue.map(
      ({ until, keys }) =>
        `${retentionSubject(until)}: ${formatCount(keys)} ${keys === 1 ? 'key' : 'keys'} of data that was to be kept until ${until}, and can still be read. Start a server that may change the keyring: it destroys the day.`,
    ),
    ...outdated.map(
      (key) =>
        `${key}: not made again since somebody was erased. Running servers do that; if none uses this version, run projections prune.`,
    ),
  ];
}

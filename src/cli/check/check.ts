import { Command } from 'commander';
import { printedSchema, schemaOf } from '../../graphql/schema.ts';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import { registerDomains } from '../../kernel/define/domain.ts';
import type { EventDefinition, EventTypes } from '../../kernel/define/event.ts';
import { isFormer } from '../../kernel/define/former-event.ts';
import { processEvents } from '../../kernel/define/process-manager/process-events.ts';
import { personalColumnMistakes, personalMistakes } from '../../kernel/define/registration/personal-mistakes.ts';
import type { Registry } from '../../kernel/define/registration/registry.ts';
import { EventsEncrypted } from '../../kernel/define/subjects/events-encrypted.ts';
import { SubjectErased } from '../../kernel/define/subjects/subject-erased.ts';
import { ddlOf, ReadTableError } from '../../kernel/read/tables/table-ddl.ts';
import { tablesOf } from '../../kernel/read/tables/tables.ts';
import { checkSchema } from '../api/schema.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';
import { checkEvents } from './check-events.ts';
import type { Checked, CheckOptions, CheckProblem } from './problem.ts';

/** `check`: everything that can be known to be wrong without a database. */
export const checkCommand: CommandFactory = (cli) =>
  new Command('check')
    .description('check the application, its schema and its events; needs no database')
    .option('--write', 'renew schema/schema.graphql and schema/events.json')
    .option(
      '--unreleased',
      'with --write: replace shapes of events that have changed; no such event may ever have been stored',
    )
    .addHelpText(
      'after',
      `
Run it before each commit and in CI. It checks
- with KEYRING_URL: whether every event with personal data says whom it is about, and every read model which of its columns get it;
- the application: definitions that do not fit together, types of the API, read tables that cannot be made;
- schema/schema.graphql: whether it is the API that the code makes;
- schema/events.json: whether data of a schema version has another shape than when it was committed.
Each problem is a line of its code and a sentence that says what to write. Exit code 1 if there is any line.`,
    )
    .action(async ({ write = false, unreleased = false }: Partial<CheckOptions>) => {
      const problems: CheckProblem[] = [];
      for await (const { problems: found, lines } of checks(cli, { write, unreleased })) {
        for (const line of lines) print(cli, line);
        for (const { code, sentence } of found) print(cli, `${code}\t${sentence.replace(/\s*\n\s*/g, ' ')}`);
        problems.push(...found);
      }
      if (problems.length === 0) return;
      const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
      throw new CliError('CHECK_FAILED', `The check has found ${count}; each has a line above that says what to do.`);
    });

async function* checks(cli: Cli, options: CheckOptions): AsyncGenerator<Checked> {
  const { app, folder } = cli;
  const schema = made(() => printedSchema(schemaOf(app)));
  const registry = made(() => registerDomains(app.domains));
  yield { problems: [...schema.problems, ...registry.problems].filter(isFirst), lines: [] };
  if (registry.value && cli.env.KEYRING_URL) yield { problems: personalProblems(registry.value), lines: [] };
  if (registry.value) yield { problems: unsupportedTables([...registry.value.projections.values()]), lines: [] };
  if (schema.value !== undefined) yield await checkSchema(folder, schema.value, options);
  if (registry.value) yield await checkEvents(folder, eventsOfAuthors(registry.value.events), options);
}

/** With a keyring, people can be erased: the definitions have to say who they are, and where their data gets to. */
function personalProblems(registry: Registry): CheckProblem[] {
  return [...personalMistakes(registry), ...personalColumnMistakes(registry)].map(({ code, message }) => ({
    code,
    sentence: message,
  }));
}

/** Without the engine's own, which its releases keep readable, and without those of which only the name is left. */
function eventsOfAuthors(events: EventTypes): EventTypes {
  const own = new Set<EventDefinition>([...Object.values(processEvents), SubjectErased, EventsEncrypted]);
  return Object.fromEntries(Object.entries(events).filter(([, event]) => !own.has(event) && !isFormer(event)));
}

/** A value, or the mistakes that prevent it. */
function made<T>(make: () => T): { readonly value?: T; readonly problems: readonly CheckProblem[] } {
  try {
    return { value: make(), problems: [] };
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    return { problems: [{ code: error.code, sentence: error.message }] };
  }
}

/** The same mistake prevents several parts. */
function isFirst({ sentence }: CheckProblem, nth: number, all: readonly CheckProblem[]): boolean {
  return all.findIndex((other) => other.sentence === sentence) === nth;
}

function unsupportedTables(projections: readonly Parameters<typeof tablesOf>[0][]): CheckProblem[] {
  return projections.flatMap(tablesOf).flatMap((table) => {
    try {
      ddlOf(table);
      return [];
    } catch (error) {
      if (!(error instanceof ReadTableError)) throw error;
      return [{ code: error.code, sentence: error.message }];
    }
  });
}

import { Command } from 'commander';
import { asc, gt, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { events } from '../../database/schema/log.ts';
import { registerDomains } from '../../kernel/define/domain.ts';
import type { EventTypes } from '../../kernel/define/event.ts';
import { maskedData } from '../../kernel/privacy/sealed-data.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { printDamages } from './print-damages.ts';

const PAGE = 2000;

interface EventCheckOptions {
  readonly against?: string;
}

/** `events check`: reads the whole log with this version's code, and checks that it is whole. */
export const eventsCheckCommand: CommandFactory = (cli) =>
  new Command('check')
    .description('check that the log is complete and that this version can read every event')
    .addHelpText(
      'after',
      `
Run it before a deploy, with the new version against the production database. It changes nothing, migrates nothing and
needs no server. Each unreadable event is a line of its position, type, schema version and reason. The log is complete if its
positions and the versions of each stream have no holes, and es.streams, es.receipts and the checkpoints agree; each
difference is a line of its position and reason. Exit code 1 if there is any such line.

With --against it also says what servers of the version before will meet once this one stores events: a line of type and
schema version for each event that the database has never stored. A server that does not know it waits in front of it.`,
    )
    .option('--against <url>', 'the database, instead of DATABASE_URL, whose servers this version is going to join')
    .action(({ against }: EventCheckOptions) =>
      withDatabase(
        against === undefined ? cli : { ...cli, env: { ...cli.env, DATABASE_URL: against } },
        async ({ db }) => {
          const types = registerDomains(cli.app.domains).events;
          const head = await headOf(db);
          const unreadable = await printUnreadable(cli, db, types, head);
          const first = await printDamages(cli, db, head);
          if (first !== undefined) {
            throw new CliError(
              'LOG_DAMAGED',
              `The log is not what was written: it differs from position ${first} on. Restore a backup, or find out who changed it.`,
            );
          }
          if (unreadable > 0) {
            const counts = `${formatCount(unreadable)} of ${formatCount(head)} events`;
            throw new CliError(
              'UNREADABLE_EVENT',
              `This version cannot read ${counts}; add upcasters before you deploy it.`,
            );
          }
          print(cli, `This version reads all ${formatCount(head)} events, and the log is whole.`);
          if (against !== undefined) await printNew(cli, db, types);
        },
      ),
    );

/** @returns how many events cannot be read. */
async function printUnreadable(cli: Cli, db: Database, types: EventTypes, head: number): Promise<number> {
  const progress = startProgress(cli.err, { title: 'Reading', unit: 'events', total: head });
  let read = 0;
  let unreadable = 0;
  try {
    for await (const event of storedEvents(db, head, cli.signal)) {
      const reason = whyUnreadable(types, event);
      if (reason !== undefined) {
        unreadable++;
        print(cli, `${event.position}\t${event.type}\t${event.schemaVersion}\t${reason}`);
      }
      progress.update(++read);
    }
  } finally {
    progress.stop();
  }
  return unreadable;
}

/** Prints what this version may store and the database has never stored. */
async function printNew(cli: Cli, db: Database, types: EventTypes): Promise<void> {
  const stored = await db
    .select({ type: events.type, newest: sql<number>`max(${events.schemaVersion})` })
    .from(events)
    .groupBy(events.type);
  const newest = new Map(stored.map((row) => [row.type, Number(row.newest)]));
  const unknown = Object.entries(types)
    .filter(([type, { schemaVersion }]) => schemaVersion > (newest.get(type) ?? 0))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (unknown.length === 0) {
    print(
      cli,
      'It stores no event that the database has not stored before: servers of the version before can read all of it.',
    );
    return;
  }
  for (const [type, { schemaVersion }] of unknown) {
    const before = newest.get(type);
    print(
      cli,
      `${type}\t${schemaVersion}\t${before === undefined ? 'never stored' : `stored up to version ${before}`}`,
    );
  }
  print(
    cli,
    'Servers that do not know these wait in front of the first one: their read models of it are AHEAD_OF_CODE, and commands on its ' +
      'stream are answered THROTTLED, so that clients ask another server. Stop them soon after this version serves.',
  );
}

interface CheckedEvent {
  readonly position: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

async function headOf(db: Database): Promise<number> {
  const [row] = await db.select({ head: sql<number>`coalesce(max(${events.position}), 0)` }).from(events);
  return Number(row?.head ?? 0);
}

/** The log up to `head`, a page at a time. */
async function* storedEvents(db: Database, head: number, signal: AbortSignal): AsyncGenerator<CheckedEvent> {
  const { position, type, schemaVersion, data } = events;
  for (let after = 0; after < head; ) {
    signal.throwIfAborted();
    const page = await db
      .select({ position, type, schemaVersion, data })
      .from(events)
      .where(gt(position, after))
      .orderBy(asc(position))
      .limit(Math.min(PAGE, head - after));
    yield* page;
    after = page.at(-1)?.position ?? head;
  }
}

function whyUnreadable(types: EventTypes, { type, schemaVersion, data }: CheckedEvent): string | undefined {
  const definition = types[type];
  if (!definition) return 'no domain defines this event';
  try {
    // What is encrypted counts as erased: that this version can read too.
    definition.decode(maskedData(data), schemaVersion);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // The line already has the position and the type.
    return text.replace(/^.* cannot be read: /, '').replace(/\s+/g, ' ');
  }
}

import { Command, InvalidArgumentError } from 'commander';
import { and, desc, eq, type SQL } from 'drizzle-orm';
import { validate as isUuid } from 'uuid';
import type { Database } from '../../database/client.ts';
import { events } from '../../database/schema/log.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatTable } from '../output/table.ts';

interface EventListOptions {
  readonly last: number;
  readonly stream?: string;
  readonly type?: string;
  readonly json?: boolean;
}

/** `events list`: the end of the log, or of one stream. */
export const eventsListCommand: CommandFactory = (cli) =>
  new Command('list')
    .description('show the last events of the log or of one stream, oldest first, as they are stored')
    .option('--last <n>', 'how many', wholeNumber, 20)
    .option('--stream <id>', "only one aggregate's", uuid)
    .option('--type <name>', 'only of one type, as BookLent')
    .option('--json', 'one JSON object per line, with metadata')
    .action((options: EventListOptions) =>
      withDatabase(cli, async ({ db }) => {
        const found = await lastEvents(db, options);
        if (options.json) {
          for (const event of found) print(cli, JSON.stringify(event));
          return;
        }
        if (found.length === 0) print(cli, 'There are no such events.');
        const table = found.map(({ position, type, streamId, version, occurredAt, data }) => ({
          // A position is a name here: no thousands separators.
          position: String(position),
          'occurred at': occurredAt.toISOString(),
          type,
          stream: streamId,
          version: String(version),
          data: shortened(JSON.stringify(data)),
        }));
        for (const line of formatTable(table)) print(cli, line);
      }),
    );

async function lastEvents(db: Database, { last, stream, type }: EventListOptions) {
  const conditions: SQL[] = [];
  if (stream !== undefined) conditions.push(eq(events.streamId, stream));
  if (type !== undefined) conditions.push(eq(events.type, type));
  const found = await db
    .select()
    .from(events)
    .where(and(...conditions))
    .orderBy(desc(events.position))
    .limit(last);
  return found.reverse();
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d{1,7}$/.test(value) || number === 0) throw new InvalidArgumentError('It is a whole number, 1 or more.');
  return number;
}

function uuid(value: string): string {
  if (!isUuid(value)) throw new InvalidArgumentError('It is a UUID.');
  return value;
}

import { Command } from 'commander';
import { inArray } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { events } from '../../database/schema/log.ts';
import type { DeadLetter } from '../../kernel/read/dead-letters/dead-letters.ts';
import { type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';
import { formatTable } from '../output/table.ts';
import { withDeadLetters } from './shared.ts';

const PAGE = 500;

/** `dead-letters show`: the events that wait under one key. */
export const deadLettersShowCommand: CommandFactory = (cli) =>
  new Command('show')
    .description('show the events that wait under one key, in order')
    .argument('<projection>', 'the read model')
    .argument('<key>', 'type and id of the stream that failed, as `dead-letters list` shows it')
    .option('--data', "the events' data too, which may be personal")
    .option('--json', 'one JSON object per line')
    .action((projection: string, key: string, { data, json }: { data?: boolean; json?: boolean }) =>
      withDeadLetters(cli, async (deadLetters, { db }) => {
        let shown = 0;
        for (let after = 0; ; ) {
          const page = await deadLetters.events(projection, key, PAGE, after);
          const stored = data ? await dataOf(db, page) : undefined;
          const rows = page.map((event) => ({ ...event, ...(stored ? { data: stored.get(event.position) } : {}) }));
          if (json) for (const row of rows) print(cli, JSON.stringify(row));
          else for (const line of tableOf(rows, shown === 0)) print(cli, line);
          shown += page.length;
          const last = page.at(-1);
          if (!last || page.length < PAGE) break;
          after = last.position;
        }
        if (shown === 0) throw new CliError('DEAD_LETTER_NOT_FOUND', `Nothing waits under ${key} in ${projection}.`);
      }),
    );

function tableOf(rows: readonly (DeadLetter & { readonly data?: unknown })[], withNames: boolean): string[] {
  const table = rows.map(({ position, eventType, streamType, streamId, partial, error, ...rest }) => ({
    position: String(position),
    event: eventType,
    stream: `${streamType}/${streamId}`,
    waits: partial ? 'for these rows' : 'whole',
    error: error ?? '',
    ...('data' in rest ? { data: JSON.stringify(rest.data) } : {}),
  }));
  return formatTable(table).slice(withNames ? 0 : 1);
}

async function dataOf(db: Database, page: readonly DeadLetter[]): Promise<Map<number, unknown>> {
  if (page.length === 0) return new Map();
  const positions = page.map(({ position }) => position);
  const found = await db
    .select({ position: events.position, data: events.data })
    .from(events)
    .where(inArray(events.position, positions));
  return new Map(found.map(({ position, data }) => [position, data]));
}

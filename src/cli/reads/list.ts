import { Command, InvalidArgumentError } from 'commander';
import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { reads } from '../../database/schema/privacy.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatTable } from '../output/table.ts';

interface ReadsListOptions {
  readonly subject?: string;
  readonly actor?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly last: number;
  readonly json?: boolean;
}

/** `reads list`: who has read whose personal data, as AUDIT_READS has recorded it. */
export const readsListCommand: CommandFactory = (cli) =>
  new Command('list')
    .description('show the last reads of personal data, oldest first, as AUDIT_READS has recorded them')
    .option('--subject <subject>', 'only those of the data of this person, as type/ID')
    .option('--actor <id>', 'only those by this actor')
    .option('--from <time>', 'only those since then, in ISO 8601: 2026-01-31 or 2026-01-31T12:00:00Z', time)
    .option('--to <time>', 'only those before then', time)
    .option('--last <n>', 'how many', wholeNumber, 50)
    .option('--json', 'one JSON object per line')
    .action((options: ReadsListOptions) =>
      withDatabase(cli, async ({ db }) => {
        const found = await lastReads(db, options);
        if (options.json) {
          for (const read of found) print(cli, JSON.stringify(read));
          return;
        }
        if (found.length === 0) print(cli, 'No such reads were recorded.');
        const table = found.map(({ at, actor, subject, readModel, rowKey, fields, correlationId }) => ({
          at: at.toISOString(),
          actor,
          subject: subject ?? '',
          'read model': readModel,
          row: rowKey,
          fields: fields.join(', '),
          request: correlationId,
        }));
        for (const line of formatTable(table)) print(cli, line);
      }),
    );

async function lastReads(db: Database, { subject, actor, from, to, last }: ReadsListOptions) {
  const conditions: SQL[] = [];
  if (subject !== undefined) conditions.push(eq(reads.subject, subject));
  if (actor !== undefined) conditions.push(eq(reads.actor, actor));
  if (from) conditions.push(gte(reads.at, from));
  if (to) conditions.push(lt(reads.at, to));
  const found = await db
    .select()
    .from(reads)
    .where(and(...conditions))
    .orderBy(desc(reads.id))
    .limit(last);
  return found.reverse();
}

function time(value: string): Date {
  const date = new Date(value);
  if (!/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(value) || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('It is a date or a time with its zone, in ISO 8601.');
  }
  return date;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d{1,6}$/.test(value) || number === 0) throw new InvalidArgumentError('It is a whole number, 1 or more.');
  return number;
}

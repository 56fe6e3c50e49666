import { expect, it } from 'vitest';
import {
  APPEND_COLUMNS,
  EVENT_KEYS,
  HELD_COLUMNS,
  LOAD_COLUMNS,
  SNAPSHOT_COLUMNS,
} from '../../../src/kernel/log/sql-json.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

/** The source of a function, as the migrations have left it in the database. */
async function sourceOf(name: string): Promise<string> {
  const [row] = await database.sql<{ source: string }[]>`
    select prosrc as source from pg_proc where oid = ${`es.${name}`}::regproc`;
  return row?.source ?? '';
}

/** The columns of each `jsonb_to_recordset` in a function, by the argument that it unpacks. */
async function recordsIn(name: string): Promise<Record<string, Record<string, string>>> {
  const records = (await sourceOf(name)).matchAll(
    /jsonb_to_recordset\(([\w.]+)\)\s*AS\s*\w*\s*\(((?:[^()]|\(\))*)\)/gi,
  );
  return Object.fromEntries(
    [...records].map(([, argument, columns]) => [
      argument,
      Object.fromEntries(columns!.split(',').map((column) => column.trim().split(/\s+/))),
    ]),
  );
}

it('es.append declares the columns that appends are written with', async () => {
  expect(await recordsIn('append')).toEqual({ batch: APPEND_COLUMNS, 'a.q': HELD_COLUMNS });
});

it('es.append reads the keys that events are written with', async () => {
  const read = (await sourceOf('append')).matchAll(/k\.event (->>?) '(\w)'/g);
  expect(Object.fromEntries([...read].map(([, how, key]) => [key, how]))).toEqual(EVENT_KEYS);
});

it('es.append finds the clock of the caller on the first append', async () => {
  expect(await sourceOf('append')).toContain("batch -> 0 -> 'k'");
});

it('es.load and es.save_snapshots declare the columns that their arguments are written with', async () => {
  expect(await recordsIn('load')).toEqual({ asked: LOAD_COLUMNS });
  expect(await recordsIn('save_snapshots')).toEqual({ snapshots: SNAPSHOT_COLUMNS });
});

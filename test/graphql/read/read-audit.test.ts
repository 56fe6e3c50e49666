import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { ReadAudit, type ReadingOperation } from '../../../src/graphql/read/audit/read-audit.ts';
import { ReadRetention } from '../../../src/graphql/read/audit/read-retention.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import type { EngineOccurrences, FaultMet } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const clock = { now: () => Date.now() };
const people = {
  name: 'people',
  key: [{ property: 'id' }],
  personal: { of: ({ id }: { id: string }) => `person/${id}` },
};
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function open(isRequired = false) {
  const faults: FaultMet[] = [];
  const { db, close } = openPool({ url: database.url, connections: 2, applicationName: 'test' });
  cleanups.push(close);
  const observer = new Observer<EngineOccurrences>([{ faultMet: (fault) => void faults.push(fault) }]);
  const audit = new ReadAudit({ db, clock, observer, isRequired });
  cleanups.push(() => audit.close());
  const note = (id: string, field = 'name', operation: ReadingOperation = { actor: null, correlationId: 'any' }) =>
    audit.note(operation, people as unknown as Projection, { id }, field);
  return { audit, note, faults, db, observer };
}

const stored = () =>
  database.sql<{ read_model: string; key: string; subject: string | null }[]>`
    select read_model, row_key as key, subject from es.reads order by id`;

async function waitingStatements(): Promise<number> {
  const [row] = await database.sql<{ count: number }[]>`
    select count(*)::int as count from pg_locks l join pg_class c on c.oid = l.relation
    where not l.granted and c.relnamespace = 'es'::regnamespace`;
  return row?.count ?? 0;
}

describe('reads that cannot be recorded', () => {
  it('are shown, counted, and reported as missing once others can be written', async () => {
    const { note, faults } = open();
    await database.sql`alter table es.reads rename to away`;
    for (let nth = 1; nth <= 20_003; nth++) note(`${nth}`);
    await until(() => faults.length > 0);
    await database.sql`alter table es.away rename to reads`;
    await until(async () => (await stored()).length === 20_001);
    const rows = await stored();
    expect(rows.filter(({ read_model }) => read_model === '(not recorded)')).toEqual([
      { read_model: '(not recorded)', key: '3', subject: null },
    ]);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(20_000);
    expect(faults.map(({ error }) => (error as Error).message)).toContain(
      '3 reads of personal data were not recorded: too many were waiting, or Postgres refused them.',
    );
  });

  it('are refused if recording is required', () => {
    const { note } = open(true);
    for (let nth = 1; nth <= 20_000; nth++) note(`${nth}`);
    expect(() => note('one more')).toThrow(ThrottledError);
  });

  it('take no more memory if their texts are long', async () => {
    const { note } = open(true);
    let count = 0;
    expect(() => {
      for (; count < 20_000; count++) note(`${count}${'x'.repeat(5000)}`);
    }).toThrow(ThrottledError);
    expect(count).toBeGreaterThan(5000);
    await until(async () => (await stored()).length > 0);
    const [row] = await stored();
    expect([row?.key.length, row?.subject?.length]).toEqual([500, 500]);
  });
});

describe('a read', () => {
  it('keeps the fields that its operation showed while it could not be written', async () => {
    const { note, faults } = open();
    const operation = { actor: null, correlationId: 'any' };
    // The statement waits for the table, and fails because the table is gone then.
    await database.sql.begin(async (tx) => {
      await tx`lock table es.reads`;
      note('1', 'name', operation);
      await until(async () => (await waitingStatements()) > 0);
      note('1', 'name', operation);
      note('1', 'email', operation);
      await tx`alter table es.reads rename to away`;
    });
    await until(() => faults.length > 0);
    await database.sql`alter table es.away rename to reads`;
    await until(async () => (await stored()).length > 0);
    const rows = await database.sql`select row_key as key, fields from es.reads`;
    expect(rows).toEqual([{ key: '1', fields: ['name', 'email'] }]);
  });

  it('whose texts Postgres could not store is recorded with other characters', async () => {
    const { note } = open();
    note('a\0b\ud800');
    await until(async () => (await stored()).length > 0);
    expect(await stored()).toMatchObject([{ key: 'a\ufffdb\ufffd' }]);
  });

  it('that Postgres refuses is counted and reported, and others are recorded', async () => {
    const { note, faults } = open();
    await refuse('7', '22001');
    for (let nth = 1; nth <= 20; nth++) note(`${nth}`);
    await until(async () => (await stored()).length === 20);
    const rows = await stored();
    expect(rows.map(({ key }) => key).slice(0, 19)).toEqual(
      Array.from({ length: 20 }, (_, nth) => `${nth + 1}`).filter((key) => key !== '7'),
    );
    expect(rows[19]).toMatchObject({ read_model: '(not recorded)', key: '1' });
    expect(faults).toHaveLength(2);
  });

  it('waits with all others if Postgres refuses it for another reason than what it contains', async () => {
    const { note, faults } = open();
    await refuse('7', 'unique_violation');
    for (let nth = 1; nth <= 20; nth++) note(`${nth}`);
    await until(() => faults.length > 0);
    expect(await stored()).toEqual([]);
    await database.sql`drop function es.refuse cascade`;
    await until(async () => (await stored()).length === 20);
    expect((await stored()).map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, nth) => `${nth + 1}`));
  });
});

/** Lets Postgres refuse reads of a row with this error. */
async function refuse(key: string, errcode: string): Promise<void> {
  await database.sql.unsafe(`
    create function es.refuse() returns trigger language plpgsql as $$ begin raise exception using errcode = '${errcode}'; end $$;
    create trigger refuse before insert on es.reads for each row when (new.row_key = '${key}') execute function es.refuse()`);
  cleanups.push(() => database.sql`drop function if exists es.refuse cascade`);
}

describe('the retention of reads', () => {
  it('deletes those behind reads that a wrong clock has recorded in the future', async () => {
    const { db, observer } = open();
    await database.sql`
      insert into es.reads (at, actor, roles, correlation_id, read_model, row_key, fields)
      select now() + case when n <= 2500 then interval '1 day' else interval '-2 days' end, 'a', '{}', '', 'people', n::text, '{}'
      from generate_series(1, 5000) n`;
    const retention = new ReadRetention({ db, clock, observer, keepDays: 1 });
    cleanups.push(() => retention.stop());
    await until(async () => (await stored()).length <= 2500);
    expect((await stored()).at(-1)?.key).toBe('2500');
  });

  it('deletes those that are older than they are to be kept, and no others', async () => {
    const { db, observer } = open();
    await database.sql`
      insert into es.reads (at, actor, roles, correlation_id, read_model, row_key, fields)
      select now() - n * interval '1 minute' - interval '1 day', 'a', '{}', '', 'people', n::text, '{}'
      from generate_series(2999, -3, -1) n`;
    const retention = new ReadRetention({ db, clock, observer, keepDays: 1 });
    cleanups.push(() => retention.stop());
    await until(async () => (await stored()).length <= 3);
    expect((await stored()).map(({ key }) => key)).toEqual(['-1', '-2', '-3']);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { ReadAudit } from '../../../src/graphql/read/audit/read-audit.ts';
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
  const note = (id: string) =>
    audit.note({ actor: null, correlationId: 'any' }, people as unknown as Projection, { id }, 'name');
  return { audit, note, faults, db, observer };
}

const stored = () =>
  database.sql<{ read_model: string; key: string; subject: string | null }[]>`
    select read_model, row_key as key, subject from es.reads order by id`;

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
      '3 reads of personal data were not recorded, because too many were waiting.',
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

describe('the retention of reads', () => {
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

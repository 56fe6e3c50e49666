import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkLog } from '../../../src/kernel/audit/check-log.ts';
import { anAppend, incremented } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);
const [A, B] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'] as const;

/** Five events: A1 B1 A2 A3 B2, and what a command without events leaves. */
async function written(): Promise<TestEngine> {
  const engine = await openEngine();
  const append = async (streamId: string, expectedVersion: number, count = 1) =>
    engine.log.append([
      anAppend({ streamId, expectedVersion, events: Array.from({ length: count }, () => incremented()) }),
    ]);
  await append(A, 0);
  await append(B, 0);
  await append(A, 1, 2);
  await append(B, 1);
  await append(A, 3, 0);
  return engine;
}

async function found({ database: { owner } }: TestEngine, page?: number) {
  const damages = [];
  const options = { signal: AbortSignal.timeout(10_000), ...(page === undefined ? {} : { page }) };
  const [row] = await database.sql<{ head: number }[]>`select coalesce(max(position), 0) as head from es.events`;
  for await (const damage of checkLog(owner.db, row?.head ?? 0, options)) damages.push(damage);
  return damages;
}

/** Changes the log as a superuser can, bypassing the triggers. */
async function tamper(statement: string): Promise<void> {
  await database.sql.begin(async (tx) => {
    await tx`alter table es.events disable trigger all`;
    await tx.unsafe(statement);
    await tx`alter table es.events enable always trigger events_append_only`;
  });
}

describe('the check of the log', () => {
  it.each([1, 2, 3, 1000])(
    'finds nothing in a log as it was written, %i streams and positions at a time',
    async (page) => {
      expect(await found(await written(), page)).toEqual([]);
    },
  );

  it('finds nothing in an empty log', async () => {
    expect(await found(await openEngine())).toEqual([]);
  });

  const missing = (stream: string, have: number, last: number, want: number, version: number) =>
    `Counter/${stream} has ${have} events, the last of version ${last}, and should have ${want}: version ${version}`;

  it.each([1, 2, 1000])(
    'finds an event that was deleted in the midst, by its position and its version (page %i)',
    async (page) => {
      const engine = await written();
      await tamper('delete from es.events where position = 3');
      expect(await found(engine, page)).toEqual([
        { position: 3, reason: 'the event at this position is missing' },
        { position: 4, reason: `${missing(A, 2, 3, 3, 2)} is missing` },
      ]);
    },
  );

  it('finds several that were deleted one after the other, and the first', async () => {
    const engine = await written();
    await tamper('delete from es.events where position in (1, 3, 4)');
    expect((await found(engine)).slice(0, 2)).toEqual([
      { position: 1, reason: 'the event at this position is missing' },
      { position: 3, reason: 'the events at positions 3 to 4 are missing' },
    ]);
  });

  it('finds that the last event was deleted, since its stream knows of it', async () => {
    const engine = await written();
    await tamper('delete from es.events where position = 5');
    // The receipt of the command without events knows how far the log was, too.
    expect(await found(engine)).toEqual([
      { position: 5, reason: `${missing(B, 1, 1, 2, 2)} is missing` },
      {
        position: 5,
        reason: expect.stringMatching(/^the receipt of command .* is of position 5, and the log ends at 4$/),
      },
    ]);
  });

  it('finds that the last event was deleted with all that the log knows of it, since a checkpoint is beyond', async () => {
    const engine = await written();
    await database.sql`insert into read.checkpoints (projection, version, position) values ('counters@1', 1, 5)`;
    await tamper(`delete from es.events where position = 5; update es.streams set version = 1 where stream_id = '${B}';
      alter table es.receipts disable trigger all; delete from es.receipts`);
    expect(await found(engine)).toEqual([
      { position: 5, reason: 'the checkpoint of counters@1 is at 5, and the log ends at 4' },
    ]);
  });

  it('finds an event that was put in past es.append', async () => {
    const engine = await written();
    const insert = (position: number, streamId: string, version: number) =>
      tamper(`insert into es.events select ${position}, stream_type, '${streamId}', ${version}, type, schema_version, data, metadata,
        gen_random_uuid(), null, gen_random_uuid(), occurred_at, recorded_at from es.events where position = 1`);
    await insert(6, B, 3);
    await insert(8, randomUUID(), 1);
    expect(await found(engine)).toEqual([
      { position: 7, reason: 'the event at this position is missing' },
      { position: 8, reason: expect.stringMatching(/^Counter\/.* has events and no row in es.streams$/) },
      {
        position: 6,
        reason: `${missing(B, 3, 3, 2, 3)} is more than es.streams knows`.replace('and should', 'and should'),
      },
    ]);
  });

  it('finds a command that has both an event and a receipt, and a snapshot beyond its stream', async () => {
    const engine = await written();
    await tamper(`alter table es.receipts disable trigger all;
      update es.receipts set command_id = (select command_id from es.events where position = 2)`);
    await database.sql`insert into es.snapshots (stream_type, stream_id, version, state_version, state)
                       values ('Counter', ${B}, 7, 1, '{}')`;
    expect(await found(engine)).toEqual([
      { position: 6, reason: `a snapshot of Counter/${B} is of version 7, and the stream is at 2` },
      { position: 2, reason: expect.stringMatching(/^command .* has this event and a receipt in es.receipts$/) },
    ]);
  });
});

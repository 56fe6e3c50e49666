import { describe, expect, it } from 'vitest';
import { useDatabase } from '../../support/postgres/database.ts';
import { usePartSessions } from './part-sessions.ts';

const database = useDatabase({ per: 'file' });
const sessions = usePartSessions(database);

describe('the functions that append', () => {
  const event = (v: number, n = 1) => ({
    ...{ n, v, c: crypto.randomUUID(), f: crypto.randomUUID(), m: {}, e: crypto.randomUUID() },
    ...{ y: 'CounterIncremented', s: 1, d: {} },
  });
  const entry = (v: number, w?: number, i = '00000000-0000-4000-8000-000000000001') => ({
    ...{ t: 'Counter', i, v, c: crypto.randomUUID() },
    ...(w === undefined ? {} : { w }),
  });
  const append = (appends: unknown[], events: unknown[], known: boolean) => {
    const writer = sessions.of('writer');
    return writer.unsafe('select * from es.append_all($1::jsonb, $2::jsonb, $3)', [appends, events, known] as never);
  };

  it.each<[string, unknown[], unknown[], boolean]>([
    ['an event of a version that does not follow', [entry(0, 1)], [event(2)], false],
    ['versions with a hole', [entry(0, 3)], [event(1), event(3)], false],
    ['fewer events than the stream is said to have', [entry(0, 2)], [event(1)], false],
    ['more events than the stream is said to have', [entry(0, 1)], [event(1), event(2)], false],
    ['events of a stream that nothing is said of', [], [event(1)], false],
    ['an event of a stream beyond those that are said', [entry(0, 1)], [event(1), event(2, 2)], false],
    ['a stream that is said to stay where it is', [entry(0, 1), entry(0, 0)], [event(1)], false],
    ['a negative version', [entry(-1, 0)], [event(0)], false],
  ])('refuse what would leave a hole, whoever calls them: %s', async (_, appends, events, known) => {
    await expect(append(appends, events, known)).rejects.toMatchObject({ code: '22000' });
    expect([...(await database.sql`select count(*) as count from es.events`)]).toEqual([{ count: 0 }]);
  });

  describe('es.append_batch', () => {
    interface BatchedStream {
      readonly before?: number;
      readonly after?: number;
      readonly id?: string;
      readonly sharing?: string | null;
    }
    const appendBatch = (
      streams: readonly BatchedStream[],
      events: readonly (readonly [stream: number, version: number])[],
      { data = events.length, commands = events.map(() => crypto.randomUUID()), former = [] as string[] } = {},
    ) => {
      const array = (values: readonly unknown[]) => `{${values.map((value) => value ?? 'NULL').join(',')}}`;
      const newIds = events.map(() => crypto.randomUUID());
      return sessions.of('writer').unsafe(
        `select es.append_batch($1::text::text[], $2::text::uuid[], $3::text::int[], $4::text::int[], $5::text::text[],
           $6::text::int[], $7::text::int[], $8::text::uuid[], $9::text::uuid[], $10::text::uuid[], $11::text::text[],
           $12::text::smallint[], $13::text::jsonb, $14::text::jsonb, $15::text::uuid[], null, 0)::text as placed`,
        [
          array(streams.map(() => 'Counter')),
          array(streams.map(({ id = '00000000-0000-4000-8000-000000000011' }) => id)),
          array(streams.map(({ before = 0 }) => before)),
          array(streams.map(({ after = 1 }) => after)),
          array(streams.map(({ sharing = '"{}"' }) => sharing)),
          array(events.map(([stream]) => stream)),
          array(events.map(([, version]) => version)),
          ...[array(commands), array(newIds), array(newIds)],
          array(events.map(() => 'CounterIncremented')),
          array(events.map(() => 1)),
          JSON.stringify(events.map(() => ({}))),
          JSON.stringify(Array.from({ length: data }, () => ({}))),
          array(former),
        ] as never,
      );
    };
    const count = async () => (await database.sql`select from es.events`).length;
    const refused = [{ placed: null }];

    it.each<[string, BatchedStream[], [number, number][], number?]>([
      ['an event of a version that does not follow', [{}], [[1, 2]]],
      [
        'versions with a hole',
        [{ after: 3 }],
        [
          [1, 1],
          [1, 3],
        ],
      ],
      ['fewer events than the stream is said to have', [{ after: 2 }], [[1, 1]]],
      [
        'more events than the stream is said to have',
        [{}],
        [
          [1, 1],
          [1, 2],
        ],
      ],
      ['events of a stream that nothing is said of', [], [[1, 1]]],
      [
        'an event of a stream beyond those that are said',
        [{}],
        [
          [1, 1],
          [2, 2],
        ],
      ],
      ['a stream that is said to stay where it is', [{}, { after: 0 }], [[1, 1]]],
      ['a negative version', [{ before: -1, after: 0 }], [[1, 0]]],
      ['more data than events', [{}], [[1, 1]], 2],
      ['less data than events', [{}], [[1, 1]], 0],
    ])('refuses what would leave a hole, whoever calls it: %s', async (_, streams, events, data) => {
      const before = await count();
      const appending = appendBatch(streams, events, data === undefined ? {} : { data });
      await expect(appending).rejects.toMatchObject({ code: expect.stringMatching(/^(22000|23502)$/) });
      expect(await count()).toBe(before);
    });

    it('appends streams that are at the versions that it is told, and nothing if one is not', async () => {
      const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
      await appendBatch(
        [{ id: one, after: 2 }, { id: other }],
        [
          [1, 1],
          [2, 1],
          [1, 2],
        ],
      );
      expect([...(await appendBatch([{ id: one, before: 1, after: 2 }], [[1, 2]]))]).toEqual(refused);
      await expect(appendBatch([{ id: one }], [[1, 1]])).rejects.toMatchObject({ code: '23505' });
      await appendBatch([{ id: one, before: 2, after: 3 }], [[1, 3]]);
      const versions = await database.sql`
        select stream_id as id, version from es.streams where stream_id in (${one}, ${other}) order by version`;
      expect([...versions]).toEqual([
        { id: other, version: 1 },
        { id: one, version: 3 },
      ]);
    });

    it('refuses an id that a stream of another type has, unless they may share it', async () => {
      const id = crypto.randomUUID();
      await database.sql`insert into es.streams (stream_type, stream_id, version, occurred_at) values ('Other', ${id}, 1, now())`;
      expect([...(await appendBatch([{ id }], [[1, 1]]))]).toEqual(refused);
      expect([...(await appendBatch([{ id, sharing: '"{Another}"' }], [[1, 1]]))]).toEqual(refused);
      expect([...(await appendBatch([{ id, sharing: '"{Another,Other}"' }], [[1, 1]]))]).not.toEqual(refused);
    });

    it('fails and appends nothing if the trigger that appends is off', async () => {
      const id = crypto.randomUUID();
      const before = await count();
      await database.sql`alter table es.batches disable trigger all`;
      try {
        await expect(appendBatch([{ id }], [[1, 1]])).rejects.toMatchObject({ code: '23514' });
      } finally {
        await database.sql`alter table es.batches enable always trigger batches_inserted`;
      }
      expect(await count()).toBe(before);
      expect([...(await database.sql`select from es.streams where stream_id = ${id}`)]).toEqual([]);
      await expect(appendBatch([{ id }], [[1, 1]])).resolves.toHaveLength(1);
    });

    it('appends no command that is known, whether it is in the log, in a receipt, or stored as earlier versions did', async () => {
      const [inLog, inReceipt] = [crypto.randomUUID(), crypto.randomUUID()];
      const append = (options: Parameters<typeof appendBatch>[2]) =>
        appendBatch([{ id: crypto.randomUUID() }], [[1, 1]], options);
      await append({ commands: [inLog] });
      await database.sql`insert into es.receipts (command_id, fingerprint, receipt_id, stream_type, stream_id, version, position, metadata, accepted_at)
        values (${inReceipt}, ${inReceipt}, ${inReceipt}, 'Counter', ${inReceipt}, 0, 0, '{}', now())`;
      await expect(append({ commands: [inLog] })).rejects.toMatchObject({ code: '23505' });
      expect([...(await append({ commands: [inReceipt] }))]).toEqual(refused);
      expect([...(await append({ former: [inReceipt] }))]).toEqual(refused);
      expect([...(await append({ former: [inLog] }))]).toEqual(refused);
      expect([...(await append({ former: [crypto.randomUUID()] }))]).not.toEqual(refused);
    });
  });

  describe('es.append_one', () => {
    const stream = '00000000-0000-4000-8000-000000000003';
    const appendOne = (before: number | null, streamId = stream) =>
      sessions.of('writer').unsafe(
        `select es.append_one('Counter', $1::uuid, $2::int, '{}'::text[], gen_random_uuid(), null, gen_random_uuid(), '{}'::jsonb,
                            gen_random_uuid(), 'CounterIncremented', 1::smallint, '{}'::jsonb, null, 0)::text as placed`,
        [streamId, before] as never,
      );
    const positions = async () =>
      (
        await database.sql<{ place: string }[]>`
        select concat_ws('/', position, version) as place from es.events where stream_id = ${stream} order by position`
      ).map(({ place }) => place);

    it('leaves no holes: it appends only after the version that it is told, or after any', async () => {
      for (const before of [-1, 1]) expect([...(await appendOne(before))]).toEqual([{ placed: null }]);
      await expect(appendOne(0)).resolves.toHaveLength(1);
      const [{ head = 0 } = {}] = await database.sql<
        { head: number }[]
      >`select max(position)::int as head from es.events`;
      for (const before of [0, 2]) expect([...(await appendOne(before))]).toEqual([{ placed: null }]);
      await appendOne(1);
      await appendOne(null);
      expect(await positions()).toEqual([`${head}/1`, `${head + 1}/2`, `${head + 2}/3`]);
      expect([...(await database.sql`select version from es.streams where stream_id = ${stream}`)]).toEqual([
        { version: 3 },
      ]);
    });

    it('refuses an id that a stream of another type has', async () => {
      const taken = '00000000-0000-4000-8000-000000000004';
      await database.sql`insert into es.streams (stream_type, stream_id, version, occurred_at) values ('Other', ${taken}, 1, now())`;
      expect([...(await appendOne(0, taken))]).toEqual([{ placed: null }]);
    });
  });

  it('refuse to append to a stream that has events and is said to have none', async () => {
    const stream = '00000000-0000-4000-8000-000000000002';
    await append([entry(0, 1, stream)], [event(1)], false);
    await expect(append([entry(1, 2, stream)], [event(2)], false)).rejects.toMatchObject({ code: '22000' });
    await append([entry(1, 2, stream)], [event(2)], true);
    expect([...(await database.sql`select version from es.streams where stream_id = ${stream}`)]).toEqual([
      { version: 2 },
    ]);
  });
});

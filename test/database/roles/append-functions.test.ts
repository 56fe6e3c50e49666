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

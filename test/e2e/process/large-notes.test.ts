import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import type { Answer } from '../../support/client/http-client.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';
import { ServerProcess } from './server-process.ts';

vi.setConfig({ testTimeout: 240_000 });

const database = useDatabase();
const MB = 2 ** 20;

interface Created {
  readonly createNote: { readonly __typename: string };
}

it.skipIf(lacks('/proc'))(
  '800 notes of 100,000 characters at once each get an answer that is known, in bounded memory',
  async () => {
    const server = await new ServerProcess({
      DATABASE_URL: database.url,
      // All of them reach the log then: otherwise most would be refused before.
      CONCURRENT_OPERATIONS_PER_ACTOR: '1000',
      CONCURRENT_OPERATIONS_PER_ADDRESS: '1000',
      SLOW_BODIES_PER_ADDRESS: '1000',
    }).started();
    const content = 'a note that is long. '.repeat(5000).slice(0, 100_000);
    const query = `mutation ($input: CreateNoteInput!) { createNote(input: $input) { __typename } }`;
    const outcomes: Record<string, number> = {};
    const create = async (nth: number) => {
      const answer: Answer<Created | null> = await server.query(query, { input: { title: `Note ${nth}`, content } });
      const outcome = answer.data?.createNote.__typename ?? String(answer.errors?.[0]?.extensions?.code);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    await Promise.all(Array.from({ length: 800 }, (_, nth) => create(nth)));
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) * 1024;
    console.info(`large-notes.test.ts: ${JSON.stringify(outcomes)}, at most ${Math.round(peak / MB)} MB`);
    expect(Object.values(outcomes).reduce((a, b) => a + b)).toBe(800);
    // A note that is refused for lack of room was not taken, and is sent again.
    expect(
      Object.keys(outcomes).filter((name) => !['CommandReceipt', 'THROTTLED', 'TOO_MANY_REQUESTS'].includes(name)),
    ).toEqual([]);
    expect(outcomes.CommandReceipt).toBeGreaterThan(0);
    const [stored] = await database.sql`select count(*)::int as n from es.events where type = 'NoteCreated'`;
    expect(stored?.n).toBe(outcomes.CommandReceipt);
    // 3.5 GB were seen once.
    expect(peak).toBeLessThan(1200 * MB);
    await until(
      async () => {
        const { data } = await server.query<{ projections: { name: string; lag: number }[] }>(
          '{ projections { name lag } }',
        );
        return data.projections.every(({ lag }) => lag === 0);
      },
      { deadline: 120_000 },
    );
  },
);

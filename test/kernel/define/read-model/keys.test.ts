import { integer, primaryKey, uuid } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../../src/kernel/define/aggregate.ts';
import { defineEvent, type RecordedEvent } from '../../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { foldRows } from '../../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../../src/kernel/testing/recorded.ts';

const Voted = defineEvent('Voted', { data: z.object({ person: z.uuid(), round: z.string() }) });
const Poll = defineAggregate('Poll', { initialState: () => 0, events: { Voted }, evolve: { Voted: unchanged } });

const votesTable = readTable(
  'votes',
  { person: uuid('person').notNull(), round: integer('round').notNull(), votes: integer('votes').notNull() },
  (table) => [primaryKey({ columns: [table.person, table.round] })],
);
const votes = defineProjection('votes', {
  table: votesTable,
  events: Poll.events,
  visibleTo: 'everyone',
  on: {
    Voted: ({ data: { person, round } }, { upsert, updateWhere }) => [
      upsert([person, round], (row) => ({ person, round: Number(round), votes: (row?.votes ?? 0) + 1 })),
      updateWhere('person', person, (row) => ({ ...row, votes: row.votes + 10 })),
    ],
  },
});

const PERSON = 'abcdefab-0000-4000-8000-00000000000a';
const pollId = '00000000-0000-4000-8000-000000000001';
const spelled = [PERSON.toUpperCase(), PERSON, PERSON.toUpperCase()];
const events: RecordedEvent[] = recorded(
  Poll,
  pollId,
  spelled.map((person) => Voted({ person, round: '07' })),
);

test('a row is one row however its key is written: as Postgres compares it', () => {
  const stored = {
    row: { person: PERSON, round: 7, votes: 1 },
    lastPosition: 0,
    staleSince: null,
    validFrom: null,
    keptIn: null,
  };
  const plan = planBatch(votes, events);
  expect([...plan.keys.values()]).toEqual([[PERSON, 7]]);
  const { upserts } = foldBatch(votes, plan, [stored]);
  expect([...upserts.values()]).toEqual([
    { row: { person: PERSON, round: 7, votes: 34 }, lastPosition: 3, staleSince: null, validFrom: null, keptIn: null },
  ]);
});

test('the reference fold agrees, so that an author’s unit test shows what the server will do', () => {
  expect(foldRows(votes, events)).toEqual([{ person: PERSON, round: 7, votes: 33 }]);
});

import { text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { type Changes, defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { givenEvents } from '../../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../../src/kernel/testing/recorded.ts';
import { Lamp, LampLit } from './support.ts';

const table = readTable('lamps', { id: uuid('id').primaryKey(), room: text('room').notNull(), note: text('note') });
interface LampRow {
  readonly id: string;
  readonly room: string;
  readonly note: string | null;
}
const ID = '00000000-0000-7000-8000-000000000001';
const events = recorded(Lamp, ID, [LampLit({ room: 'hall' })]);

/** A projection whose handler returns this row, whatever the compiler says. */
const returning = (row: object) =>
  defineProjection('lamps', {
    table,
    events: Lamp.events,
    visibleTo: 'everyone',
    on: { LampLit: (_, { upsert }) => upsert(ID, () => row as never) },
  });

describe('a row that a handler returns', () => {
  it('cannot have a column that the table does not have, by whatever change: the compiler refuses it', () => {
    const make = ({ upsert, put, update, updateWhere }: Changes<LampRow>) => {
      const row: LampRow = { id: ID, room: 'hall', note: null };
      // @ts-expect-error: misspelt
      upsert(ID, () => ({ ...row, rooom: 'attic' }));
      // @ts-expect-error: misspelt
      put(ID, () => ({ ...row, rooom: 'attic' }));
      // @ts-expect-error: misspelt
      update(ID, (before) => ({ ...before, rooom: 'attic' }));
      // @ts-expect-error: misspelt
      updateWhere('room', 'hall', (before) => ({ ...before, rooom: 'attic' }));
      // @ts-expect-error: without the nullable column
      upsert(ID, () => ({ id: ID, room: 'hall' }));
      return [upsert(ID, () => row), update(ID, (before) => ({ ...before, room: 'attic' }))];
    };
    expect(make).toBeTypeOf('function');
  });

  it.each([
    [
      'has a column that the table does not have',
      { id: ID, room: 'hall', note: null, rooom: 'attic' },
      'the row has a column rooom, which the table lamps does not have. Write one of its columns: id, room, note.',
    ],
    [
      "has a column of the engine's",
      { id: ID, room: 'hall', note: null, lastPosition: 7 },
      'the row has a column lastPosition, which the table lamps does not have. Write one of its columns: id, room, note.',
    ],
    [
      'lacks a column',
      { id: ID, room: 'hall' },
      'the row lacks the column note of the table lamps. Write its value, or null if it may be empty.',
    ],
  ])('is refused by name if it %s: by the test helper and by the engine', (_, row, message) => {
    const lamps = returning(row);
    expect(() => givenEvents(events).project(lamps)).toThrow(
      expect.objectContaining({ code: 'ROW_MISMATCH', message }),
    );
    expect(() => foldBatch(lamps, planBatch(lamps, events), [])).toThrow(
      expect.objectContaining({
        code: 'FOLD_FAILED',
        message: `Projection lamps failed at position 1 (LampLit): ${message}`,
      }),
    );
  });

  it('need not have the right key: the change says it', () => {
    const [row] = givenEvents(events).project(returning({ room: 'hall', note: null }));
    expect(row).toEqual({ id: ID, room: 'hall', note: null });
  });
});

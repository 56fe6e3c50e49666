import { integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { foldRows, givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';

const Wrote = defineEvent('Wrote', { data: z.object({ author: z.string().nullish(), tags: z.array(z.string()) }) });
const Renamed = defineEvent('Renamed', { data: z.object({ author: z.string().nullish(), to: z.string() }) });
const Liked = defineEvent('Liked', { data: z.object({}) });
const Deleted = defineEvent('Deleted', { data: z.object({}) });
const Card = defineAggregate('Card', {
  initialState: () => 0,
  events: { Wrote, Renamed, Liked, Deleted },
  evolve: { Wrote: unchanged, Renamed: unchanged, Liked: unchanged, Deleted: unchanged },
});

const cardsTable = (name: string) =>
  readTable(name, {
    id: text('id').primaryKey(),
    author: text('author'),
    tags: jsonb('tags').$type<{ names: readonly string[]; note?: string | undefined }>().notNull(),
    likes: integer('likes').notNull(),
    at: timestamp('at', { precision: 3, withTimezone: true }).notNull(),
  });

const cards = defineProjection('cards', {
  table: cardsTable('cards'),
  events: Card.events,
  visibleTo: 'everyone',
  on: {
    Wrote: ({ streamId: id, data, occurredAt: at }, { upsert }) =>
      upsert(id, (row) => {
        const tags = { names: [...(row?.tags.names ?? []), ...data.tags], note: undefined };
        return { id: 'the key decides', author: data.author ?? null, tags, likes: row?.likes ?? 0, at };
      }),
    Renamed: ({ data }, { updateWhere }) =>
      updateWhere('author', data.author ?? null, (row) => ({ ...row, author: data.to })),
    Liked: ({ streamId }, { update }) => [
      update(streamId, (row) => ({ ...row, likes: row.likes + 1 })),
      update(streamId, (row) => ({ ...row, likes: row.likes * 10 })),
    ],
    Deleted: ({ streamId }, { remove }) => remove(streamId),
  },
});

const wrote = (author: string | null, ...tags: string[]) => Wrote({ author, tags });

describe('the rows of a projection', () => {
  it('are created, or changed if they exist', () => {
    const log = recorded(Card, 'a', [wrote('Ada', 'x'), wrote('Bob', 'y')]);
    expect(givenEvents(log).project(cards)).toEqual([
      { id: 'a', author: 'Bob', tags: { names: ['x', 'y'] }, likes: 0, at: log[1]?.occurredAt },
    ]);
  });

  it('have what the database would give back: JSON as JSON, and the key', () => {
    const [row] = foldRows(cards, recorded(Card, 'a', [Wrote({ tags: [] })]));
    expect(Object.keys(row ?? {})).toEqual(['id', 'author', 'tags', 'likes', 'at']);
    expect(row).toMatchObject({ id: 'a', author: null });
    expect(Object.keys(row?.tags ?? {})).toEqual(['names']);
  });

  it('take the changes of one event one after another', () => {
    const [row] = foldRows(cards, recorded(Card, 'a', [wrote('Ada'), Liked({}), Liked({})]));
    expect(row?.likes).toBe(110);
  });

  it('are not made by an update, nor missed by a removal', () => {
    expect(foldRows(cards, recorded(Card, 'a', [Liked({}), Deleted({})]))).toEqual([]);
  });

  it('are gone when removed, and new when made again', () => {
    const log = recorded(Card, 'a', [wrote('Ada', 'x'), Liked({}), Deleted({})]);
    expect(foldRows(cards, log)).toEqual([]);
    expect(foldRows(cards, recorded(Card, 'a', [wrote('Ada', 'y')], log))).toMatchObject([
      { likes: 0, tags: { names: ['y'] } },
    ]);
  });

  it('change together if their column has a value; a null equals nothing', () => {
    let log = recorded(Card, 'a', [wrote('Ada')]);
    log = recorded(Card, 'b', [wrote('Bob')], log);
    log = recorded(Card, 'c', [wrote('Ada')], log);
    log = recorded(Card, 'd', [wrote(null)], log);
    log = recorded(Card, 'e', [Renamed({ author: 'Ada', to: 'Lovelace' }), Renamed({ to: 'Nobody' })], log);
    const authors = foldRows(cards, log).map(({ author }) => author);
    expect(authors).toEqual(['Lovelace', 'Bob', 'Lovelace', null]);
  });

  it('may have a key of several columns', () => {
    const likes = defineProjection('likes', {
      table: readTable('likes', { day: text('day'), nth: integer('nth'), card: text('card') }, (table) => [
        primaryKey({ columns: [table.day, table.nth] }),
      ]),
      events: Card.events,
      visibleTo: 'everyone',
      on: {
        Liked: ({ streamId: card, version }, { upsert }) =>
          upsert(['monday', version % 2], () => ({ day: null, nth: null, card })),
      },
    });
    const log = recorded(Card, 'b', [Liked({})], recorded(Card, 'a', [Liked({}), Liked({})]));
    expect(foldRows(likes, log)).toEqual([
      { day: 'monday', nth: 1, card: 'b' },
      { day: 'monday', nth: 0, card: 'a' },
    ]);
  });

  it('cannot be changed in place', () => {
    const sloppy = defineProjection('sloppy', {
      table: cardsTable('sloppy'),
      events: Card.events,
      visibleTo: 'everyone',
      on: {
        Wrote: ({ streamId: id, occurredAt: at }, { upsert }) =>
          upsert(id, () => ({ id, author: null, tags: { names: [] }, likes: 0, at })),
        Liked: ({ streamId }, { update }) =>
          update(streamId, (row) => {
            row.likes += 1;
            return row;
          }),
      },
    });
    expect(() => foldRows(sloppy, recorded(Card, 'a', [wrote('Ada'), Liked({})]))).toThrow(TypeError);
  });
});

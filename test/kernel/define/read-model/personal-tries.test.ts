import { sql } from 'drizzle-orm';
import { check, inet, jsonb, text, unique, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineDomain, registerDomains } from '../../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { personal } from '../../../../src/kernel/define/personal/personal.ts';
import { samplePairs } from '../../../../src/kernel/define/personal/samples.ts';
import { personalReaches } from '../../../../src/kernel/define/read-model/personal-reach.ts';
import {
  type Change,
  changesOf,
  defineProjection,
  type Handlers,
  type RowOf,
} from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { personalColumnMistakes } from '../../../../src/kernel/define/registration/personal-mistakes.ts';

const GuestCame = defineEvent('GuestCame', {
  data: z.object({
    name: personal(z.string()),
    nick: personal(z.string()).nullable(),
    phones: personal(z.array(z.string())),
    kind: z.enum(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K']),
    color: z.enum(['RED', 'GREEN', 'BLUE', 'BLACK']),
    isShown: z.boolean(),
    room: z.int().nullable(),
    tags: z.array(z.enum(['X', 'Y'])),
    rank: personal(z.union([z.literal('LOW'), z.literal('HIGH')])),
  }),
});
const GuestRenamed = defineEvent('GuestRenamed', { data: z.object({ name: personal(z.string()) }) });
const GuestFiled = defineEvent('GuestFiled', { data: z.object({ folder: z.enum(['IN', 'OUT']) }) });
const events = { GuestCame, GuestRenamed, GuestFiled };

const table = readTable('guests', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  former: text('former'),
  filed: jsonb('filed').$type<readonly string[]>().notNull(),
  other: text('other').notNull(),
});
type Row = RowOf<typeof table>;
type On = Handlers<Row, typeof events>;
const guestsOf = (on: On) => defineProjection('guests', { table, events, visibleTo: 'everyone', on });
const reachesOf = (on: On) => personalReaches(guestsOf(on), events);
const columnsOf = (on: On) =>
  Object.fromEntries([...reachesOf(on).byEvent].map(([type, { columns }]) => [type, [...columns].sort()]));
const blank = { name: '', former: null, filed: [], other: '' };
const came =
  (shown: (data: Parameters<NonNullable<On['GuestCame']>>[0]['data']) => string): NonNullable<On['GuestCame']> =>
  ({ streamId: id, data }, { upsert }) =>
    upsert(id, () => ({ ...blank, id, other: shown(data) }));

describe('personal data that a column shows only sometimes', () => {
  it.each<[string, NonNullable<On['GuestCame']>]>([
    ['for the last of many values of an enumeration', came(({ kind, name }) => (kind === 'K' ? name : ''))],
    ['for one combination of values', came(({ kind, isShown, name }) => (kind === 'D' && !isShown ? name : ''))],
    ['if something is null', came(({ room, name }) => (room === null ? name : ''))],
    ['if another personal part is null', came(({ nick, name }) => (nick === null ? name : ''))],
    ['if a list is empty', came(({ tags, name }) => (tags.length === 0 ? name : ''))],
    ['if a list has several elements', came(({ phones }) => phones[1] ?? '')],
    ['if a number is 0', came(({ room, name }) => (room === 0 ? name : ''))],
    ['if another personal text is empty', came(({ nick, name }) => (nick === '' ? name : ''))],
    ['as one of two options', came(({ rank }) => rank)],
    ['as the length of a text', came(({ name }) => String(name.length))],
    ['as a number in a text', came(({ name }) => /\d+/.exec(name)?.[0] ?? '')],
  ])('is found %s', (_, on) => {
    expect(columnsOf({ GuestCame: on })).toEqual({ GuestCame: ['other'] });
  });

  it('is not looked for in data that the schema refuses', () => {
    const schema = z.object({ name: personal(z.string().min(1)), seats: z.int().min(1) });
    const pairs = samplePairs(schema);
    expect(pairs.length).toBeGreaterThan(1);
    for (const data of pairs.flat()) expect(schema.safeParse(data).success).toBe(true);
  });

  it('is found by the values of an event that was stored, if no made-up event leads there', () => {
    const projection = guestsOf({
      GuestCame: ({ streamId: id, data }, { upsert }) =>
        upsert(id, () => ({ ...blank, id, other: data.room === 4711 ? data.name : '' })),
    });
    const { byEvent, columnsWith } = personalReaches(projection, events);
    expect(byEvent.has('GuestCame')).toBe(false);
    const [[data] = []] = samplePairs(z.object({ name: z.string() }));
    const changeOf = (name: string) =>
      changesOf(projection, {
        ...{ type: 'GuestCame', streamId: '00000000-0000-4000-8000-000000000001' },
        data: { ...(data as object), name, room: 4711 },
      } as never)[0] as Change;
    expect([...columnsWith(changeOf('Ada'), changeOf('Bob'))]).toEqual(['other']);
  });
});

describe('personal data that is moved to another column', () => {
  const begun = came(() => '');
  const renamed: On['GuestRenamed'] = ({ streamId, data }, { update }) =>
    update(streamId, (row) => ({ ...row, name: data.name, former: row.name }));

  it('is found there, moved by its own kind of event', () => {
    expect(columnsOf({ GuestCame: begun, GuestRenamed: renamed })).toEqual({ GuestRenamed: ['former', 'name'] });
  });

  it('is found there, moved step by step by events without personal data, for some of their values', () => {
    const on: On = {
      GuestCame: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ ...blank, id, name: data.name })),
      GuestFiled: ({ streamId, data }, { update }) =>
        update(streamId, (row) =>
          data.folder === 'OUT' ? { ...row, former: row.name } : { ...row, filed: [...row.filed, row.former ?? ''] },
        ),
    };
    expect(columnsOf(on)).toEqual({ GuestCame: ['filed', 'former', 'name'] });
  });
});

describe('a handler that fails on made-up data', () => {
  const demanding = came(({ name }) => {
    const [, code] = /^K-(\d{4})$/.exec(name) ?? [];
    if (!code) throw new Error('no code');
    return code;
  });

  it('is named, and all columns count as reached', () => {
    const { untried, byEvent } = reachesOf({ GuestCame: demanding });
    expect([...untried]).toEqual([['GuestCame', 'no code']]);
    const change: Change = { kind: 'upsert', key: 'x', fold: () => ({}) };
    expect([...(byEvent.get('GuestCame')?.columnsOf(change) ?? [])].sort()).toEqual([
      'filed',
      'former',
      'name',
      'other',
    ]);
  });

  it('lets all columns count as reached if it could copy what other events bring', () => {
    const { untried, byEvent } = reachesOf({
      GuestCame: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ ...blank, id, name: data.name })),
      GuestFiled: () => {
        throw new Error('not today');
      },
    });
    expect([...untried.keys()]).toEqual(['GuestFiled']);
    const change: Change = { kind: 'upsert', key: 'x', fold: () => ({}) };
    expect(byEvent.get('GuestCame')?.columnsOf(change).size).toBe(4);
  });

  it('does not matter in a read model without personal data', () => {
    const { untried, byEvent } = reachesOf({
      GuestFiled: () => {
        throw new Error('not today');
      },
    });
    expect([untried.size, byEvent.size]).toEqual([0, 0]);
  });
});

describe('the check of a read model', () => {
  const mistakesOf = (projection: ReturnType<typeof defineProjection>) => {
    const Guest = defineAggregate('Guest', {
      ...{ initialState: () => null, events, subject: (_: null, id: string) => `person/${id}` as const },
      evolve: { GuestCame: () => null, GuestRenamed: () => null, GuestFiled: () => null },
    });
    const domain = { name: 'guests', aggregates: [Guest], commands: [], projections: [projection], graphql: undefined };
    return personalColumnMistakes(registerDomains([defineDomain(domain)]));
  };

  it('names handlers that could not be tried, and says what to do', () => {
    const failing = guestsOf({
      GuestCame: () => {
        throw new Error('not today');
      },
    });
    expect(mistakesOf(failing)).toMatchObject([
      {
        code: 'PERSONAL_UNTRIED',
        facts: { projection: 'guests', event: 'GuestCame' },
        message: expect.stringContaining('(not today)'),
      },
    ]);
  });

  it('names columns with personal data that may refuse a mask, and no others', () => {
    const odd = readTable(
      'odd_guests',
      {
        id: uuid('id').primaryKey(),
        own: text('own').notNull(),
        email: text('email').notNull().unique(),
        alias: text('alias').notNull(),
        address: inet('address').notNull(),
        shout: text('shout').notNull(),
      },
      (columns) => [
        unique().on(columns.id, columns.own),
        unique().on(columns.alias),
        check('shouts', sql`${columns.shout} = upper(${columns.shout})`),
      ],
    );
    const projection = defineProjection('oddGuests', {
      ...{ table: odd, events, visibleTo: 'everyone' },
      personal: { of: ({ id }) => `person/${id}`, columns: ['own', 'email', 'alias', 'address', 'shout'] },
      on: {
        GuestRenamed: ({ streamId: id, data: { name } }, { upsert }) =>
          upsert(id, () => ({ id, own: name, email: name, alias: name, address: name, shout: name })),
      },
    });
    expect(mistakesOf(projection as never).map(({ code, facts }) => [code, facts.column])).toEqual(
      ['email', 'alias', 'shout'].map((column) => ['PERSONAL_COLUMN_UNMASKABLE', column]),
    );
  });
});

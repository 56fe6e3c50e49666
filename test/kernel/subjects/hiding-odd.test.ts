import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { check, text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { personal } from '../../../src/kernel/define/personal/personal.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { unobserved } from '../../../src/kernel/observe/occurrences.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { Hiding } from '../../../src/kernel/subjects/hiding/hide-erased.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { staff, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { person } from '../privacy/people.ts';

const GuestCame = defineEvent('GuestCame', {
  data: z.object({ email: personal(z.email()), code: personal(z.string()), room: z.int() }),
});
const GuestFiled = defineEvent('GuestFiled', { data: z.object({}) });
const Guest = defineAggregate('Guest', {
  initialState: () => null,
  events: { GuestCame, GuestFiled },
  evolve: { GuestCame: () => null, GuestFiled: () => null },
  subject: (_, id) => person(id),
});
const come = defineCommand('come', {
  aggregate: Guest,
  creates: true,
  input: z.object({ id: z.guid(), email: z.string(), code: z.string(), room: z.int() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { email, code, room }) => [GuestCame({ email, code, room }), GuestFiled({})],
});

/** Its handler fails on `[erased]`, copies a column into another one, and shows a code for one room only. */
const cards = defineProjection('cards', {
  table: readTable('cards', {
    id: uuid('id').primaryKey(),
    host: text('host').notNull(),
    filed: text('filed'),
    code: text('code').notNull(),
  }),
  events: Guest.events,
  visibleTo: 'everyone',
  on: {
    GuestCame: ({ streamId: id, data: { email, code, room } }, { upsert }) => {
      const host = (email.split('@')[1] as string).toUpperCase();
      return upsert(id, () => ({ id, host, filed: null, code: room === 4711 ? code : '' }));
    },
    GuestFiled: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, filed: `was ${row.host}` })),
  },
});
/** Its handler fails on everything but codes of one form, so that nobody can try it. */
const codes = defineProjection('codes', {
  table: readTable('codes', { id: uuid('id').primaryKey(), digits: text('digits').notNull() }),
  events: Guest.events,
  visibleTo: 'everyone',
  on: {
    GuestCame: ({ streamId: id, data: { code } }, { upsert }) => {
      const [, digits] = /^([a-z]+)-code$/i.exec(code) ?? [];
      if (!digits) throw new Error('This is no code.');
      return upsert(id, () => ({ id, digits }));
    },
  },
});
/** Its columns refuse what usually stands for erased data. */
const odd = defineProjection('odd', {
  table: readTable(
    'odd',
    {
      id: uuid('id').primaryKey(),
      unique: text('unique_code').notNull().unique(),
      checked: text('checked').notNull(),
      refusing: text('refusing').notNull(),
      plain: text('plain').notNull(),
    },
    (columns) => [
      check('an_address', sql`${columns.checked} like '%@%'`),
      check('one_address', sql`${columns.refusing} like '%@olga.example' or ${columns.refusing} like '%@bob.example'`),
    ],
  ),
  events: Guest.events,
  visibleTo: 'everyone',
  on: {
    GuestCame: ({ streamId: id, data: { email, code } }, { upsert }) =>
      upsert(id, () => ({ id, unique: code, checked: email, refusing: email, plain: code })),
  },
});
const domain = defineDomain({
  ...{ name: 'guests', aggregates: [Guest], commands: [come], graphql: undefined },
  projections: [cards, codes, odd],
});

const database = useDatabase();
const openEngine = useEngine(database, [domain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

const open = async () => openEngine({ start: true, keyring: await FileKeyring.create(join(folder, randomUUID())) });
async function register({ bus, log, projector }: TestEngine, name: string): Promise<string> {
  const id = randomUUID();
  const input = { id, email: `${name}@${name}.example`.toLowerCase(), code: `${name}-code`, room: 4711 };
  receiptOf(await bus.execute(come, input, system));
  const { position } = await log.head();
  for (const read of ['cards', 'codes', 'odd']) expect(await projector.positions.reached(read, position)).toBe(true);
  return id;
}
const erase = ({ subjects }: TestEngine, id: string) =>
  subjects.erase({ subject: person(id), reason: 'They asked for it.', actor: staff });
const rowOf = async (name: string, id: string) =>
  (await database.sql`select * from ${database.sql(`read.${name}_v1`)} where id = ${id}`)[0];

/** Runs `work` while somebody has locked tables: reading alone keeps rebuilds from replacing them. */
async function whileLocked(names: readonly string[], mode: string, work: () => Promise<void>): Promise<void> {
  await database.sql.begin(async (tx) => {
    for (const name of names) await tx.unsafe(`lock table read.${name}_v1 in ${mode} mode`);
    await work();
  });
}
const ALL = ['cards', 'codes', 'odd'];

describe('an erased person is hidden at once', () => {
  it('where a handler fails without what was erased, and what it has copied elsewhere', async () => {
    const engine = await open();
    const [olga, bob] = [await register(engine, 'Olga'), await register(engine, 'Bob')];
    expect(await rowOf('cards', olga)).toMatchObject({ host: 'OLGA.EXAMPLE', filed: 'was OLGA.EXAMPLE' });
    await whileLocked(ALL, 'access share', async () => {
      await erase(engine, olga);
      const masked = { host: '[erased]', filed: '[erased]', code: '[erased]' };
      expect(await rowOf('cards', olga)).toMatchObject(masked);
      expect(await rowOf('cards', bob)).toMatchObject({
        host: 'BOB.EXAMPLE',
        filed: 'was BOB.EXAMPLE',
        code: 'Bob-code',
      });
    });
  });

  it('where nobody can tell what rows a handler has changed, in all rows that have changed since', async () => {
    const engine = await open();
    const bob = await register(engine, 'Bob');
    const olga = await register(engine, 'Olga');
    await whileLocked(ALL, 'access share', async () => {
      await erase(engine, olga);
      expect(await rowOf('codes', olga)).toMatchObject({ digits: '[erased]' });
      expect(await rowOf('codes', bob)).toMatchObject({ digits: 'Bob' });
    });
  });

  it('by another value if a column refuses the usual one, and what refuses all keeps nothing else from being hidden', async () => {
    const engine = await open();
    const [olga, bob] = [await register(engine, 'Olga'), await register(engine, 'Bob')];
    await whileLocked(ALL, 'access share', async () => {
      await erase(engine, olga);
      await erase(engine, bob);
      const rows = [await rowOf('odd', olga), await rowOf('odd', bob)];
      for (const row of rows) {
        expect(row).toMatchObject({
          unique_code: expect.stringMatching(/^\[erased\]/),
          checked: expect.stringMatching(/^\w+@erased\.invalid$/),
          plain: '[erased]',
        });
      }
      expect(rows[0]?.unique_code).not.toBe(rows[1]?.unique_code);
      expect(rows[0]?.refusing).toBe('olga@olga.example');
      const codesOf = engine.faults.map(({ error }) => error);
      expect(codesOf).toContainEqual(
        expect.objectContaining({ code: 'COLUMN_UNMASKABLE', column: 'refusing', table: 'odd_v1' }),
      );
    });
  });

  it('in other read models, and after others, while somebody holds one of them', async () => {
    const engine = await open();
    const [olga, bob] = [await register(engine, 'Olga'), await register(engine, 'Bob')];
    const erasing: Promise<unknown>[] = [];
    await whileLocked(['codes'], 'exclusive', async () => {
      for (const id of [olga, bob]) {
        erasing.push(erase(engine, id));
        await until(async () => (await rowOf('cards', id))?.host === '[erased]');
        await until(async () => (await rowOf('odd', id))?.plain === '[erased]');
      }
      expect(await database.sql`select digits from read.codes_v1 order by digits`).toEqual([
        { digits: 'Bob' },
        { digits: 'Olga' },
      ]);
    });
    await Promise.all(erasing);
    const left = await database.sql`select digits from read.codes_v1 where digits <> '[erased]'`;
    expect(left).toEqual([]);
  });
});

describe('a rebuild that is about to be served', () => {
  it('has all erasures prepared before the swap, and waits in it for nobody who hides', async () => {
    const asked: number[] = [];
    const later = [1, 2].map((number) => ({ number, subject: person(`${number}`) }));
    const hiding = new Hiding({
      ...{ db: undefined as never, log: undefined as never, registry: { projections: new Map(), events: {} } },
      erasures: {
        allAfter: async (known) => {
          asked.push(known);
          return later.filter(({ number }) => number === known + 1) as never;
        },
        typesOf: async () => new Set(),
      },
      isRunning: () => false,
      onHidden: () => {},
      observer: unobserved,
    });
    const hide = await hiding.beforeServed(cards, 0);
    expect(asked).toEqual([0, 1, 2]);
    await hide({} as never);
    expect(asked).toEqual([0, 1, 2, 2]);
  });

  it('is served if erasures cannot be read, and the fault is reported', async () => {
    const faults: unknown[] = [];
    const error = new Error('The connection was lost.');
    const never = () => Promise.reject(error);
    const hiding = new Hiding({
      ...{ db: undefined as never, log: undefined as never, registry: undefined as never },
      erasures: { allAfter: never, typesOf: never },
      isRunning: () => false,
      onHidden: () => {},
      observer: Object.assign(Object.create(unobserved), { tell: (_: string, fault: unknown) => faults.push(fault) }),
    });
    const hide = await hiding.beforeServed(cards, 0);
    await hide({} as never);
    expect(faults).toEqual(Array(2).fill({ error, context: { part: 'erasures', projection: 'cards' } }));
  });
});

import { integer, jsonb, text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineDomain, registerDomains } from '../../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { personal } from '../../../../src/kernel/define/personal/personal.ts';
import { personalReaches } from '../../../../src/kernel/define/read-model/personal-reach.ts';
import { defineProjection, type Handlers, type RowOf } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { personalColumnMistakes } from '../../../../src/kernel/define/registration/personal-mistakes.ts';

const MemberJoined = defineEvent('MemberJoined', {
  data: z.object({
    name: personal(z.string().max(100)),
    email: personal(z.email()),
    home: personal(z.object({ street: z.string(), floor: z.int() })).nullable(),
    fee: z.int(),
    contact: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('NONE') }),
      z.object({ kind: z.literal('PHONE'), number: personal(z.string().regex(/^\+\d+$/)) }),
    ]),
  }),
});
const MemberLeft = defineEvent('MemberLeft', { data: z.object({ reason: personal(z.string()).nullable() }) });
const FeeChanged = defineEvent('FeeChanged', { data: z.object({ fee: z.int() }) });
const events = { MemberJoined, MemberLeft, FeeChanged };

const table = readTable('members', {
  id: uuid('id').primaryKey(),
  initial: text('initial').notNull(),
  greeting: text('greeting').notNull(),
  host: text('host').notNull(),
  floor: integer('floor'),
  phones: jsonb('phones').$type<readonly string[]>().notNull(),
  state: text('state', { enum: ['NEW', 'LEAVING'] }).notNull(),
  reason: text('reason'),
  fee: integer('fee').notNull(),
});
type Row = RowOf<typeof table>;
const blank = { initial: '', greeting: '', host: '', floor: null, phones: [], state: 'NEW', reason: null } as const;

const membersOf = (on: Handlers<Row, typeof events>, columns: readonly (keyof Row & string)[] = []) =>
  defineProjection('members', {
    ...{ table, events, visibleTo: 'everyone', on },
    personal: { of: ({ id }) => `person/${id}`, columns },
  });
const reachOf = (on: Handlers<Row, typeof events>) =>
  Object.fromEntries(
    [...personalReaches(membersOf(on), events).byEvent].map(([type, { columns, choosesRows }]) => [
      type,
      choosesRows ? 'chooses rows' : [...columns].sort(),
    ]),
  );

describe('the columns that personal data gets to', () => {
  it('are those that depend on it, however they are made of it', () => {
    const on: Handlers<Row, typeof events> = {
      MemberJoined: ({ streamId: id, data }, { upsert }) =>
        upsert(id, () => ({
          ...{ ...blank, id, fee: data.fee },
          initial: data.name.slice(0, 1).toUpperCase(),
          greeting: `Hello ${data.name}`,
          host: data.email.split('@')[1] ?? '',
          floor: data.home?.floor ?? null,
        })),
      FeeChanged: ({ streamId, data }, { update }) => update(streamId, (row) => ({ ...row, fee: data.fee })),
    };
    expect(reachOf(on)).toEqual({ MemberJoined: ['floor', 'greeting', 'host', 'initial'] });
  });

  it('are found in every option of a union, in lists that grow, and for values of any format', () => {
    const on: Handlers<Row, typeof events> = {
      MemberJoined: ({ streamId, data: { contact } }, { update }) =>
        update(streamId, (row) =>
          contact.kind === 'NONE' ? row : { ...row, phones: [...row.phones, contact.number] },
        ),
    };
    expect(reachOf(on)).toEqual({ MemberJoined: ['phones'] });
  });

  it('are found if it depends on the row whether they change', () => {
    const first: Handlers<Row, typeof events> = {
      MemberLeft: ({ streamId, data }, { update }) =>
        update(streamId, (row) => ({ ...row, reason: row.reason ?? data.reason })),
    };
    expect(reachOf(first)).toEqual({ MemberLeft: ['reason'] });
    const leaving: Handlers<Row, typeof events> = {
      MemberLeft: ({ streamId, data }, { update }) =>
        update(streamId, (row) => (row.state === 'LEAVING' ? { ...row, reason: data.reason } : row)),
    };
    expect(reachOf(leaving)).toEqual({ MemberLeft: ['reason'] });
  });

  it('are found in rows of others, which an event changes by a column', () => {
    const on: Handlers<Row, typeof events> = {
      MemberJoined: ({ data }, { updateWhere }) =>
        updateWhere('fee', data.fee, (row) => ({ ...row, greeting: `Greet ${data.name}` })),
    };
    expect(reachOf(on)).toEqual({ MemberJoined: ['greeting'] });
  });

  it('cannot be told if it decides which rows change', () => {
    const byKey: Handlers<Row, typeof events> = {
      MemberJoined: ({ data }, { upsert }) => upsert(data.name, () => ({ ...blank, id: data.name, fee: 0 })),
    };
    expect(reachOf(byKey)).toEqual({ MemberJoined: 'chooses rows' });
    const byColumn: Handlers<Row, typeof events> = {
      MemberJoined: ({ data }, { updateWhere }) => updateWhere('greeting', data.name, (row) => row),
    };
    expect(reachOf(byColumn)).toEqual({ MemberJoined: 'chooses rows' });
  });
});

describe('the check of a read model', () => {
  const mistakesOf = (on: Handlers<Row, typeof events>, columns: readonly (keyof Row & string)[]) => {
    const Member = defineAggregate('Member', {
      ...{ initialState: () => null, events, subject: (_: null, id: string) => `person/${id}` as const },
      evolve: { MemberJoined: () => null, MemberLeft: () => null, FeeChanged: () => null },
    });
    const projections = [membersOf(on, columns)];
    const domain = defineDomain({
      name: 'members',
      aggregates: [Member],
      commands: [],
      projections,
      graphql: undefined,
    });
    return personalColumnMistakes(registerDomains([domain]));
  };
  const on: Handlers<Row, typeof events> = {
    MemberJoined: ({ streamId: id, data }, { upsert }) =>
      upsert(id, () => ({ ...blank, id, fee: 0, greeting: data.name, host: data.email })),
  };

  it('names the columns that get personal data and are not declared', () => {
    expect(mistakesOf(on, ['greeting', 'host'])).toEqual([]);
    expect(mistakesOf(on, ['greeting'])).toMatchObject([
      {
        code: 'PERSONAL_COLUMN_UNDECLARED',
        facts: { projection: 'members', column: 'host', event: 'MemberJoined' },
        message: expect.stringContaining("columns: ['greeting', 'host']"),
      },
    ]);
  });

  it('names the events whose personal data decides which rows change', () => {
    const byName: Handlers<Row, typeof events> = {
      MemberJoined: ({ data }, { upsert }) => upsert(data.name, () => ({ ...blank, id: '', fee: 0 })),
    };
    expect(mistakesOf(byName, [])).toMatchObject([{ code: 'PERSONAL_KEY', facts: { event: 'MemberJoined' } }]);
  });
});

import { text, uuid } from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { isVisible, visibilityFor, visibleWhere } from '../../../src/graphql/read/visibility.ts';
import type { Actor } from '../../../src/kernel/define/access/actor.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { defineProjection, type Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';

const Shelved = defineEvent('Shelved', { data: z.object({ branch: z.string().nullable() }) });
const shelves = defineProjection('shelves', {
  table: readTable('shelves', { id: uuid('id').primaryKey(), branch: text('branch') }),
  events: { Shelved },
  visibleTo: { staff: (actor) => ({ branch: actor.claims.branch as string | undefined }) },
  on: { Shelved: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ id, ...data })) },
}) as unknown as Projection;

const clerk = (claims: Actor['claims']): Actor => ({ id: 'clerk', roles: ['staff'], claims });
const row = (branch: string | null) => ({ id: '00000000-0000-7000-8000-000000000001', branch });

it('shows the rows whose column has the value of a claim', () => {
  const visibility = visibilityFor(shelves, clerk({ branch: 'north' }));
  expect([row('north'), row('south'), row(null)].map((each) => isVisible(visibility, each))).toEqual([
    true,
    false,
    false,
  ]);
});

it.each([{}, { branch: null }])(
  'shows no row to an actor whose claims are %j, and asks Postgres for none',
  (claims) => {
    const visibility = visibilityFor(shelves, clerk(claims));
    expect(visibility).toEqual([]);
    expect(isVisible(visibility, row(null))).toBe(false);
    expect(visibleWhere(shelves, visibility)).toBeDefined();
  },
);

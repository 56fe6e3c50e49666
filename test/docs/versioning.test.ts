import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvent } from '../../src/kernel/define/event.ts';

/** The example's event, had it been changed since. */
const RoomOpened = defineEvent('RoomOpened', {
  version: 2,
  data: z.object({ name: z.string(), seats: z.int(), equipment: z.array(z.string()) }),
  upcast: { 1: (old) => ({ ...old, equipment: [] }) },
});

it('reads an event of a former version as one of the newest', () => {
  expect(RoomOpened.decode({ name: 'Attic', seats: 8 }, 1)).toEqual({ name: 'Attic', seats: 8, equipment: [] });
  const now = { name: 'Attic', seats: 8, equipment: ['beamer'] };
  expect(RoomOpened.decode(now, 2)).toEqual(now);
});

it('does not read one that no upcaster makes fit', () => {
  expect(() => RoomOpened.decode({ name: 'Attic' }, 1)).toThrow('RoomOpened (schema version 1) cannot be read: seats');
});

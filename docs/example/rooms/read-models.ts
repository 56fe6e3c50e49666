import { boolean, date, index, integer, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { Room } from './room.ts';

export const roomsTable = readTable(
  'rooms',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    seats: integer('seats').notNull(),
    open: boolean('open').notNull(),
    /** Days for which it is booked. */
    booked: integer('booked').notNull(),
    version: integer('version').notNull(),
  },
  (table) => [index('rooms_name').on(table.name, table.id)],
);

export const rooms = defineProjection('rooms', {
  description: 'Rooms as they are now.',
  table: roomsTable,
  events: Room.events,
  visibleTo: 'everyone',
  on: {
    RoomOpened: ({ streamId: id, data, version }, { upsert }) =>
      upsert(id, () => ({ id, ...data, open: true, booked: 0, version })),
    RoomBooked: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, booked: row.booked + 1, version })),
    BookingCancelled: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, booked: row.booked - 1, version })),
    RoomClosed: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, open: false, booked: 0, version })),
  },
});

export const bookingsTable = readTable(
  'bookings',
  {
    roomId: uuid('room_id').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    customerId: uuid('customer_id').notNull(),
    people: integer('people').notNull(),
    cancelled: boolean('cancelled').notNull(),
  },
  (table) => [primaryKey({ columns: [table.roomId, table.day] }), index('bookings_customer').on(table.customerId)],
);

export const bookings = defineProjection('bookings', {
  description: 'Who has which room on which day.',
  table: bookingsTable,
  events: Room.events,
  visibleTo: { staff: 'all', customer: (actor) => ({ customerId: actor.id }) },
  on: {
    RoomBooked: ({ streamId: roomId, data }, { upsert }) =>
      upsert([roomId, data.day], () => ({ roomId, ...data, cancelled: false })),
    BookingCancelled: ({ streamId, data }, { update }) =>
      update([streamId, data.day], (row) => ({ ...row, cancelled: true })),
    RoomClosed: ({ streamId }, { updateWhere }) =>
      updateWhere('roomId', streamId, (row) => ({ ...row, cancelled: true })),
  },
});

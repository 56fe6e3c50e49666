import { eq } from 'drizzle-orm';
import { customers } from '../../../src/domains/customers/index.ts';
import type { Api } from '../../../src/graphql/api.ts';
import { bookings, bookingsTable, rooms, roomsTable } from './read-models.ts';

export function roomsGraphql(api: Api): void {
  const Room = api.readModel('Room', rooms, {
    node: true,
    description: 'A room for hire.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      name: t.exposeString('name', { description: 'Its name.' }),
      seats: t.exposeInt('seats', { description: 'How many people it holds.' }),
      open: t.exposeBoolean('open', { description: 'Whether it can be hired.' }),
      booked: t.exposeInt('booked', { description: 'For how many days it is booked.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  const Booking = api.readModel('Booking', bookings, {
    description: 'A room on a day.',
    fields: (t) => ({
      day: t.exposeString('day', { description: 'The day, such as 2026-03-09.' }),
      people: t.exposeInt('people', { description: 'How many will come.' }),
      cancelled: t.exposeBoolean('cancelled', { description: 'Whether it has been given back.' }),
      customer: t.field({
        type: api.typeOf(customers).ref,
        nullable: true,
        description: 'Who hires it; null where you may not see her.',
        resolve: ({ customerId }, _, { rows }, info) => rows.byKey(customers, customerId, info),
      }),
    }),
  });
  const RoomConnection = api.connection('Room', Room);
  const BookingConnection = api.connection('Booking', Booking);

  api.queryByKey('room', Room, 'A room; null if there is none.');
  api.subscriptionToRow('roomUpdated', Room, 'The room now, and again each time its read model changes.');
  api.builder.queryField('rooms', (t) =>
    t.field({
      type: RoomConnection,
      description: 'All rooms, by name.',
      args: api.pageArguments(t),
      resolve: (_, args, { rows }, info) => rows.page(rooms, { args, info, sortBy: roomsTable.name, direction: 'asc' }),
    }),
  );
  api.builder.objectField(Room.ref, 'bookings', (t) =>
    t.field({
      type: BookingConnection,
      description: 'Its bookings that you may see, by day.',
      args: api.pageArguments(t),
      resolve: ({ id }, args, { rows }, info) =>
        rows.page(bookings, {
          args,
          info,
          sortBy: bookingsTable.day,
          direction: 'asc',
          where: [eq(bookingsTable.roomId, id)],
        }),
    }),
  );
}

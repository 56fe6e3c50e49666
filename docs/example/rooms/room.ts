import { z } from 'zod';
import { Customer } from '../../../src/domains/customers/index.ts';
import { Id, id, newId, text } from '../../../src/domains/shared/fields.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { nonPersonal } from '../../../src/kernel/define/personal/personal.ts';

const Day = nonPersonal(z.string());

export const RoomOpened = defineEvent('RoomOpened', {
  data: z.object({ name: nonPersonal(z.string()), seats: z.int() }),
});
export const RoomBooked = defineEvent('RoomBooked', {
  data: z.object({ day: Day, customerId: Id, people: z.int() }),
});
export const BookingCancelled = defineEvent('BookingCancelled', { data: z.object({ day: Day }) });
export const RoomClosed = defineEvent('RoomClosed', { data: z.object({}) });

export interface RoomState {
  readonly status: 'NONE' | 'OPEN' | 'CLOSED';
  readonly seats: number;
  /** Who has it, by day. */
  readonly bookings: Readonly<Record<string, string>>;
}

export const Room = defineAggregate('Room', {
  description: 'A room that customers hire by the day.',
  visibleTo: 'everyone',
  initialState: (): RoomState => ({ status: 'NONE', seats: 0, bookings: {} }),
  events: { RoomOpened, RoomBooked, BookingCancelled, RoomClosed },
  evolve: {
    RoomOpened: (room, { data }) => ({ ...room, status: 'OPEN', seats: data.seats }),
    RoomBooked: (room, { data }) => ({ ...room, bookings: { ...room.bookings, [data.day]: data.customerId } }),
    BookingCancelled: (room, { data: { day } }) => {
      const { [day]: _, ...bookings } = room.bookings;
      return { ...room, bookings };
    },
    RoomClosed: (room) => ({ ...room, status: 'CLOSED', bookings: {} }),
  },
});

const roomId = id('The room.');
const day = z.iso.date('A day must be a date such as 2026-03-09.').describe('The day, such as 2026-03-09.');
const headcount = (description: string) =>
  z.int32().min(1, 'There must be at least 1.').max(500, 'There must be at most 500.').describe(description);

export const openRoom = defineCommand('openRoom', {
  description: 'Offers a room for hire.',
  aggregate: Room,
  creates: true,
  input: z.object({ id: newId(), name: text('A name', 100, 'What the room is called.'), seats: headcount('Seats.') }),
  id: (input) => input.id,
  allow: ['staff'],
  decide: (room, { name, seats }) =>
    room.status === 'NONE' ? RoomOpened({ name, seats }) : reject('ROOM_ALREADY_OPENED', 'This id has a room already.'),
});

export const bookRoom = defineCommand('bookRoom', {
  description: 'Books a room for a whole day.',
  aggregate: Room,
  input: z.object({ roomId, day, customerId: id('Who hires it.'), people: headcount('How many will come.') }),
  id: (input) => input.roomId,
  allow: { staff: true, customer: (actor, input) => input.customerId === actor.id },
  gather: async ({ customerId }, { load }) =>
    (await load(Customer, customerId)) ?? reject('CUSTOMER_NOT_FOUND', `There is no customer ${customerId}.`),
  decide: (room, { day, customerId, people }) => {
    if (room.status === 'CLOSED') return reject('ROOM_CLOSED', 'The room is not for hire any more.');
    if (room.bookings[day]) return reject('ROOM_ALREADY_BOOKED', `The room is taken on ${day}.`);
    if (people > room.seats) return reject('ROOM_TOO_SMALL', `The room has ${room.seats} seats.`);
    return RoomBooked({ day, customerId, people });
  },
});

export const cancelBooking = defineCommand('cancelBooking', {
  description: 'Gives a booked day back.',
  aggregate: Room,
  input: z.object({ roomId, day }),
  id: (input) => input.roomId,
  allow: { staff: true, customer: (actor, { day }, room) => room.bookings[day] === actor.id },
  decide: (room, { day }) =>
    room.bookings[day] ? BookingCancelled({ day }) : reject('ROOM_NOT_BOOKED', `The room is not booked on ${day}.`),
});

export const closeRoom = defineCommand('closeRoom', {
  description: 'Takes a room off hire for good; its bookings are cancelled.',
  aggregate: Room,
  input: z.object({ roomId }),
  id: (input) => input.roomId,
  allow: ['staff'],
  decide: (room) => (room.status === 'CLOSED' ? [] : RoomClosed({})),
});

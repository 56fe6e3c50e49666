import { describe, expect, it } from 'vitest';
import { bookings, rooms } from '../../docs/example/rooms/read-models.ts';
import {
  BookingCancelled,
  bookRoom,
  cancelBooking,
  closeRoom,
  openRoom,
  Room,
  RoomBooked,
  RoomClosed,
  RoomOpened,
} from '../../docs/example/rooms/room.ts';
import { Customer, CustomerRegistered } from '../../src/domains/customers/customer.ts';
import { givenEvents } from '../../src/kernel/testing/fold.ts';
import { given } from '../../src/kernel/testing/given.ts';
import { recorded } from '../../src/kernel/testing/recorded.ts';
import { ADA, BOB, customer, uuid } from '../domains/fixtures.ts';

const ROOM = uuid(31);
const opened = RoomOpened({ name: 'Attic', seats: 8 });
const booked = RoomBooked({ day: '2026-03-09', customerId: ADA, people: 6 });
const booking = { roomId: ROOM, day: '2026-03-09', customerId: ADA, people: 6 };
const ada = [CustomerRegistered({ name: 'Ada', email: 'ada@example.org' })];

describe('hiring a room', () => {
  it('is booked for a customer', async () => {
    await given(Room, [opened]).and(Customer, ADA, ada).when(bookRoom, booking).thenEvents(booked);
  });

  it('cannot be booked twice on one day', async () => {
    const room = given(Room, [opened, booked]).and(Customer, ADA, ada);
    await room.when(bookRoom, booking).thenRejected('ROOM_ALREADY_BOOKED');
    await room
      .when(bookRoom, { ...booking, day: '2026-03-10' })
      .thenEvents(RoomBooked({ ...booked.data, day: '2026-03-10' }));
  });

  it('can be booked again when the booking was cancelled', async () => {
    const room = given(Room, [opened, booked, BookingCancelled({ day: '2026-03-09' })]).and(Customer, ADA, ada);
    await room.when(bookRoom, booking).thenEvents(booked);
    await room.when(cancelBooking, booking).thenRejected('ROOM_NOT_BOOKED');
  });

  it('is not for more people than it has seats, nor for somebody who is not a customer', async () => {
    const room = given(Room, [opened]);
    await room
      .and(Customer, ADA, ada)
      .when(bookRoom, { ...booking, people: 9 })
      .thenRejected('ROOM_TOO_SMALL');
    await room.when(bookRoom, booking).thenRejected('CUSTOMER_NOT_FOUND');
  });

  it('takes only days that exist', async () => {
    await given(Room, [opened])
      .when(bookRoom, { ...booking, day: '2026-02-30' })
      .thenInvalid('day');
  });

  it('is cancelled by the customer who has it and by no other', async () => {
    const room = given(Room, [opened, booked]);
    const cancellation = { roomId: ROOM, day: '2026-03-09' };
    await room
      .by(customer(ADA))
      .when(cancelBooking, cancellation)
      .thenEvents(BookingCancelled({ day: '2026-03-09' }));
    await room.by(customer(BOB)).when(cancelBooking, cancellation).thenForbidden();
  });

  it('ends when the room is closed', async () => {
    await given(Room, [opened, booked]).when(closeRoom, { roomId: ROOM }).thenEvents(RoomClosed({}));
    const closed = given(Room, [opened, RoomClosed({})]);
    await closed.when(closeRoom, { roomId: ROOM }).thenEvents();
    await closed.and(Customer, ADA, ada).when(bookRoom, booking).thenRejected('ROOM_CLOSED');
  });

  it('begins once', async () => {
    await given(Room).when(openRoom, { name: 'Attic', seats: 8 }).thenEvents(opened);
    await given(Room, [opened]).when(openRoom, { name: 'Attic', seats: 8 }).thenRejected('ROOM_ALREADY_OPENED');
    await given(Room).when(closeRoom, { roomId: ROOM }).thenNotFound();
  });
});

describe('the read models of rooms', () => {
  const cellar = RoomOpened({ name: 'Cellar', seats: 20 });
  const log = recorded(Room, ROOM, [opened, booked, RoomBooked({ ...booked.data, day: '2026-03-10' })]);
  const both = recorded(Room, uuid(32), [cellar, booked], log);

  it('have a row for each room, and one for each of its bookings', () => {
    expect(givenEvents(both).project(rooms)).toEqual([
      { id: ROOM, name: 'Attic', seats: 8, open: true, booked: 2, version: 3 },
      { id: uuid(32), name: 'Cellar', seats: 20, open: true, booked: 1, version: 2 },
    ]);
    expect(givenEvents(both).project(bookings)).toEqual([
      { roomId: ROOM, day: '2026-03-09', customerId: ADA, people: 6, cancelled: false },
      { roomId: ROOM, day: '2026-03-10', customerId: ADA, people: 6, cancelled: false },
      { roomId: uuid(32), day: '2026-03-09', customerId: ADA, people: 6, cancelled: false },
    ]);
  });

  it('show one booking as cancelled, and a new one in its place', () => {
    const cancelled = recorded(Room, ROOM, [BookingCancelled({ day: '2026-03-09' })], log);
    expect(
      givenEvents(cancelled)
        .project(bookings)
        .map((row) => row.cancelled),
    ).toEqual([true, false]);
    expect(givenEvents(cancelled).project(rooms)).toMatchObject([{ booked: 1, version: 4 }]);
    const again = recorded(Room, ROOM, [RoomBooked({ ...booked.data, customerId: BOB })], cancelled);
    expect(givenEvents(again).project(bookings)[0]).toMatchObject({ customerId: BOB, cancelled: false });
  });

  it('show all bookings of a closed room as cancelled, and those of others as they are', () => {
    const closed = recorded(Room, ROOM, [RoomClosed({})], both);
    expect(
      givenEvents(closed)
        .project(bookings)
        .map((row) => row.cancelled),
    ).toEqual([true, true, false]);
    expect(givenEvents(closed).project(rooms)[0]).toMatchObject({ open: false, booked: 0 });
  });
});

import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { roomsGraphql } from './graphql.ts';
import { bookings, rooms } from './read-models.ts';
import { bookRoom, cancelBooking, closeRoom, openRoom, Room } from './room.ts';

export const roomsDomain = defineDomain({
  name: 'rooms',
  aggregates: [Room],
  commands: [openRoom, bookRoom, cancelBooking, closeRoom],
  projections: [rooms, bookings],
  graphql: roomsGraphql,
});

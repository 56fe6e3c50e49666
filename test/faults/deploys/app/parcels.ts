import { z } from 'zod';
import {
  defineAggregate,
  defineCommand,
  defineEvent,
  defineProcess,
  issue,
  nonPersonal,
  reject,
  unchanged,
} from '../../../../src/index.ts';
import type { EventType } from '../../../../src/kernel/define/event.ts';

const Text = nonPersonal(z.string());
const id = (what: string) => z.guid('An id must be a UUID.').toLowerCase().describe(what);
const word = (what: string) => z.string().min(1).max(100).describe(what);

const ParcelRegistered = defineEvent('ParcelRegistered', { data: z.object({ label: Text }) });
const ParcelRelabelled = defineEvent('ParcelRelabelled', { data: z.object({ label: Text }) });
const ParcelStamped = defineEvent('ParcelStamped', { data: z.object({ move: z.int() }) });
const StampOrdered = defineEvent('StampOrdered', { data: z.object({ move: z.int() }) });

/**
 * The parts of parcels that both builds have. They differ in the schema version of the event that a parcel was moved.
 */
export function defineParcels<Moved>(
  ParcelMoved: EventType<'ParcelMoved', Moved>,
  moved: (input: { readonly depot: string }) => Moved,
) {
  const Parcel = defineAggregate('Parcel', {
    description: 'A parcel that is moved between depots, and stamped for each move.',
    visibleTo: 'everyone',
    initialState: () => ({ isRegistered: false, moves: 0, stamped: [] as readonly number[] }),
    events: { ParcelRegistered, ParcelRelabelled, ParcelMoved, ParcelStamped },
    evolve: {
      ParcelRegistered: (parcel) => ({ ...parcel, isRegistered: true }),
      ParcelRelabelled: unchanged,
      ParcelMoved: (parcel) => ({ ...parcel, moves: parcel.moves + 1 }),
      ParcelStamped: (parcel, { data }) => ({ ...parcel, stamped: [...parcel.stamped, data.move] }),
    },
  });
  const registerParcel = defineCommand('registerParcel', {
    description: 'Registers a parcel.',
    aggregate: Parcel,
    creates: true,
    input: z.object({ id: id('Its id.'), label: word('What it says.') }),
    id: (input) => input.id,
    allow: 'everyone',
    decide: ({ isRegistered }, { label }) =>
      isRegistered ? reject('PARCEL_REGISTERED', 'It is registered already.') : ParcelRegistered({ label }),
  });
  const relabelParcel = defineCommand('relabelParcel', {
    description: 'Changes what a parcel says.',
    aggregate: Parcel,
    input: z.object({ parcelId: id('The parcel.'), label: word('What it says.') }),
    id: (input) => input.parcelId,
    allow: 'everyone',
    decide: (_, { label }) => ParcelRelabelled({ label }),
  });
  const moveParcel = defineCommand('moveParcel', {
    description: 'Moves a parcel to a depot.',
    aggregate: Parcel,
    input: z.object({ parcelId: id('The parcel.'), depot: word('The depot.') }),
    id: (input) => input.parcelId,
    allow: 'everyone',
    decide: (_, input) => ParcelMoved(moved(input)),
  });
  const stampParcel = defineCommand('stampParcel', {
    aggregate: Parcel,
    input: z.object({ parcelId: id('The parcel.'), move: z.int() }),
    id: (input) => input.parcelId,
    allow: ['system'],
    decide: ({ stamped }, { move }) =>
      stamped.includes(move) ? reject('MOVE_STAMPED', 'The move is stamped already.') : ParcelStamped({ move }),
  });
  const Stamping = defineProcess('Stamping', {
    description: 'Has each move of a parcel stamped.',
    initialState: () => ({}),
    events: { StampOrdered },
    evolve: { StampOrdered: unchanged },
    reactsTo: { ParcelMoved },
    issues: { stampParcel },
    on: {
      ParcelMoved: {
        process: ({ streamId }) => streamId,
        begins: true,
        react: (_, { streamId: parcelId, version: move }) => [
          StampOrdered({ move }),
          issue(stampParcel, { parcelId, move }),
        ],
      },
    },
  });
  return { Parcel, commands: [registerParcel, relabelParcel, moveParcel], Stamping };
}

import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import {
  clearDeadline,
  defineProcess,
  issue,
  setDeadline,
} from '../../../src/kernel/define/process-manager/process.ts';

const uuid = z.uuid();

export const ParcelSent = defineEvent('ParcelSent', { data: z.object({ to: z.string(), postage: z.int() }) });
export const ParcelArrived = defineEvent('ParcelArrived', { data: z.object({}) });
export const ParcelReturned = defineEvent('ParcelReturned', { data: z.object({ reason: z.string() }) });
export const Parcel = defineAggregate('Parcel', {
  initialState: () => ({ status: 'NONE' as 'NONE' | 'SENT' | 'ARRIVED' | 'RETURNED' }),
  events: { ParcelSent, ParcelArrived, ParcelReturned },
  evolve: {
    ParcelSent: () => ({ status: 'SENT' }),
    ParcelArrived: () => ({ status: 'ARRIVED' }),
    ParcelReturned: () => ({ status: 'RETURNED' }),
  },
});
export const sendParcel = defineCommand('sendParcel', {
  aggregate: Parcel,
  creates: true,
  input: z.object({ id: uuid.optional(), to: uuid, postage: z.int() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (parcel, { to, postage }) =>
    parcel.status === 'NONE' ? ParcelSent({ to, postage }) : reject('PARCEL_ALREADY_SENT', 'It was sent before.'),
});
export const receiveParcel = defineCommand('receiveParcel', {
  aggregate: Parcel,
  input: z.object({ parcelId: uuid }),
  id: (input) => input.parcelId,
  allow: 'everyone',
  decide: (parcel) => (parcel.status === 'SENT' ? ParcelArrived({}) : []),
});
export const returnParcel = defineCommand('returnParcel', {
  aggregate: Parcel,
  input: z.object({ parcelId: uuid, reason: z.string() }),
  id: (input) => input.parcelId,
  allow: ['system'],
  decide: (parcel, { reason }) => (parcel.status === 'SENT' ? ParcelReturned({ reason }) : []),
});

export const PurseFilled = defineEvent('PurseFilled', { data: z.object({ amount: z.int() }) });
export const PostagePaid = defineEvent('PostagePaid', { data: z.object({ parcelId: z.string(), amount: z.int() }) });
export const Purse = defineAggregate('Purse', {
  initialState: () => ({ amount: 0 }),
  events: { PurseFilled, PostagePaid },
  evolve: {
    PurseFilled: (purse, { data }) => ({ amount: purse.amount + data.amount }),
    PostagePaid: (purse, { data }) => ({ amount: purse.amount - data.amount }),
  },
});
export const fillPurse = defineCommand('fillPurse', {
  aggregate: Purse,
  creates: true,
  input: z.object({ id: uuid, amount: z.int() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { amount }) => PurseFilled({ amount }),
});
export const payPostage = defineCommand('payPostage', {
  aggregate: Purse,
  input: z.object({ purseId: uuid, parcelId: uuid, amount: z.int() }),
  id: (input) => input.purseId,
  allow: ['system'],
  decide: (purse, { parcelId, amount }) =>
    purse.amount < amount ? reject('PURSE_EMPTY', 'There is not enough in it.') : PostagePaid({ parcelId, amount }),
});

export const PostageDue = defineEvent('PostageDue', { data: z.object({ amount: z.int() }) });
export const PostageSettled = defineEvent('PostageSettled', { data: z.object({}) });
export const DeliveryEnded = defineEvent('DeliveryEnded', { data: z.object({ how: z.string() }) });

/** How long a parcel may take, in ms. */
export const DELIVERY_MS = 60_000;

/** Charges the receiver for a parcel, and sends it back if they cannot pay, or if it does not arrive. */
export const Delivery = defineProcess('Delivery', {
  initialState: () => ({ parcelId: '', isPaid: false }),
  events: { PostageDue, PostageSettled, DeliveryEnded },
  evolve: {
    PostageDue: unchanged,
    PostageSettled: (state) => ({ ...state, isPaid: true }),
    DeliveryEnded: unchanged,
  },
  reactsTo: { ParcelSent, PostagePaid, ParcelArrived },
  issues: { payPostage, returnParcel },
  on: {
    ParcelSent: {
      process: ({ streamId }) => streamId,
      begins: true,
      react: (_, { streamId, data, recordedAt }) => [
        PostageDue({ amount: data.postage }),
        issue(payPostage, { purseId: data.to, parcelId: streamId, amount: data.postage }),
        setDeadline('arrival', new Date(recordedAt.getTime() + DELIVERY_MS)),
      ],
    },
    PostagePaid: { process: ({ data }) => data.parcelId, react: () => PostageSettled({}) },
    ParcelArrived: {
      process: ({ streamId }) => streamId,
      react: () => [clearDeadline('arrival'), DeliveryEnded({ how: 'arrived' })],
    },
  },
  refused: {
    payPostage: (_, { input, code }) => [
      clearDeadline('arrival'),
      issue(returnParcel, { parcelId: input.parcelId, reason: code }),
      DeliveryEnded({ how: 'returned' }),
    ],
  },
  deadlines: { arrival: () => DeliveryEnded({ how: 'lost' }) },
});

export const parcelDomain = defineDomain({
  name: 'parcels',
  aggregates: [Parcel, Purse],
  commands: [sendParcel, receiveParcel, fillPurse],
  projections: [],
  processes: [Delivery],
  graphql: undefined,
});

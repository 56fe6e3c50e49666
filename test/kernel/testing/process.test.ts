import { describe, expect, it } from 'vitest';
import { givenProcess } from '../../../src/kernel/testing/process.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import {
  DELIVERY_MS,
  Delivery,
  DeliveryEnded,
  Parcel,
  ParcelArrived,
  ParcelSent,
  PostageDue,
  PostagePaid,
  PostageSettled,
  Purse,
  payPostage,
  returnParcel,
} from '../../support/kernel/parcel-process.ts';

const parcelId = '0195a000-0000-7000-8000-000000000001';
const purseId = '0195a000-0000-7000-8000-000000000002';
const sent = recorded(Parcel, parcelId, [ParcelSent({ to: purseId, postage: 3 })]);
const paid = recorded(Purse, purseId, [PostagePaid({ parcelId, amount: 3 })], sent);

describe('a process', () => {
  it('answers an event with commands, memories and deadlines', () => {
    givenProcess(Delivery, [])
      .whenEvent(sent[0])
      .thenRemembers(PostageDue({ amount: 3 }))
      .thenIssues([payPostage, { purseId, parcelId, amount: 3 }])
      .thenDeadlines({ arrival: new Date((sent[0]?.recordedAt.getTime() ?? 0) + DELIVERY_MS) });
  });

  it('continues from what it remembers', () => {
    const when = givenProcess(Delivery, sent).whenEvent(paid[1]).thenRemembers(PostageSettled({})).thenIssues();
    expect(when.given.state).toEqual({ parcelId: '', isPaid: true });
  });

  it('takes back what it has done if a command is refused', () => {
    givenProcess(Delivery, sent)
      .whenRefused(payPostage, 'PURSE_EMPTY')
      .thenIssues([returnParcel, { parcelId, reason: 'PURSE_EMPTY' }])
      .thenRemembers(DeliveryEnded({ how: 'returned' }));
  });

  it('is told of a deadline that has come, and not of one that was cleared', () => {
    givenProcess(Delivery, sent)
      .whenDeadline('arrival')
      .thenRemembers(DeliveryEnded({ how: 'lost' }))
      .thenIssues();
    const arrived = recorded(Parcel, parcelId, [ParcelArrived({})], sent);
    expect(() => givenProcess(Delivery, arrived).whenDeadline('arrival')).toThrow('has set no deadline arrival');
  });

  it('that has not begun ignores events that do not begin it', () => {
    givenProcess(Delivery, []).whenEvent(paid[1]).thenNothing();
  });

  it('that does other than expected fails its test', () => {
    const when = givenProcess(Delivery, []).whenEvent(sent[0]);
    expect(() => when.thenNothing()).toThrow();
    expect(() => when.thenIssues()).toThrow();
    expect(() => when.thenRemembers()).toThrow();
    expect(() => when.thenDeadlines({})).toThrow();
    expect(() => when.given.whenRefused(returnParcel, 'X')).toThrow('has not issued returnParcel');
  });
});

import { randomUUID } from 'node:crypto';
import { Account, accountsDomain, deposit } from '../../../src/domains/accounts/index.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { CommandOutcome } from '../../../src/kernel/define/command-outcome.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import type { Append, AppendEvent } from '../../../src/kernel/log/append/append.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import type { CommandBus } from '../../../src/kernel/write/command-bus.ts';
import { defineMeter, Meter, meterCommands, meterDomain, readMeter } from './meters.ts';

/** Streams that may be of any length, and a command that adds one event to them. */
export interface StreamKind {
  readonly domain: Domain;
  readonly streamType: string;
  readonly event: (version: number) => AppendEvent;
  readonly command: (bus: CommandBus, streamId: string) => Promise<CommandOutcome>;
}

const options = { actor: SYSTEM };

/** As small as events and states can be. */
export const meters: StreamKind = {
  domain: meterDomain(0),
  streamType: Meter.name,
  event: (version) =>
    version === 1
      ? { type: 'MeterInstalled', schemaVersion: 1, data: { label: 'In the cellar' } }
      : { type: 'MeterRead', schemaVersion: 1, data: { value: version } },
  command: (bus, id) => bus.execute(readMeter, { id, value: 7 }, options),
};

const unsaved = defineMeter({ every: 0 });
const { installMeter, readMeter: readUnsaved } = meterCommands(unsaved);

/** The same, and no snapshot is ever taken of them. */
export const metersWithoutSnapshots: StreamKind = {
  ...meters,
  domain: { ...meters.domain, aggregates: [unsaved], commands: [installMeter, readUnsaved] },
  command: (bus, id) => bus.execute(readUnsaved, { id, value: 7 }, options),
};

const pound = { amount: 100, currency: 'GBP' };

/** The product's accounts, into which a pound is paid. */
export const accounts: StreamKind = {
  domain: accountsDomain,
  streamType: Account.name,
  event: (version) =>
    version === 1
      ? { type: 'AccountOpened', schemaVersion: 1, data: { owner: 'Ada', currency: pound.currency } }
      : { type: 'MoneyDeposited', schemaVersion: 1, data: { amount: pound, balance: (version - 1) * pound.amount } },
  command: (bus, accountId) => bus.execute(deposit, { accountId, amount: pound }, options),
};

/** Events of a stream that are written together: the streams take turns, so that in the log each lies among the others. */
const EVENTS_AT_ONCE = 100;
const EVENTS_IN_BATCH = 5000;

/** Makes streams longer, all of them from one version to another; creates them if that is 0. */
export async function writeStreams(
  log: EventLog,
  { streamType, event }: StreamKind,
  ids: readonly string[],
  { from = 0, to }: { readonly from?: number; readonly to: number },
): Promise<void> {
  for (let version = from; version < to; version += EVENTS_AT_ONCE) {
    const size = Math.min(EVENTS_AT_ONCE, to - version);
    const events = Array.from({ length: size }, (_, nth) => event(version + nth + 1));
    const together = Math.floor(EVENTS_IN_BATCH / size);
    for (let first = 0; first < ids.length; first += together) {
      const batch = ids.slice(first, first + together).map((id) => appendOf(streamType, id, version, events));
      const outcomes = await log.append(batch);
      if (outcomes.some(({ outcome }) => outcome !== 'accepted')) throw new Error('An append was not accepted.');
    }
  }
}

function appendOf(
  streamType: string,
  streamId: string,
  expectedVersion: number,
  events: readonly AppendEvent[],
): Append {
  const commandId = newId();
  const metadata = { actor: SYSTEM, correlationId: commandId };
  return { streamType, streamId, expectedVersion, commandId, fingerprint: randomUUID(), metadata, events };
}

import { randomUUID } from 'node:crypto';
import type { PostgresEventStore } from '@event-driven-io/emmett-postgresql';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import type { MeterEvent } from '../../peers/emmett.ts';
import { appendOf } from './event-store.ts';

const READINGS = 4;
/** Events of one stream in such a log: the meter is installed, then read. */
export const EVENTS_PER_STREAM = READINGS + 1;
const APPENDS_AT_ONCE = 1000;

/**
 * Writes a log that gives a projection nothing for free: all streams are there at once and take turns, so that no two
 * events of a stream fall into one batch.
 */
export async function writeLog(log: EventLog, streams: number): Promise<void> {
  const ids = Array.from({ length: streams }, () => newId());
  for (let version = 0; version < EVENTS_PER_STREAM; version++) {
    for (let first = 0; first < streams; first += APPENDS_AT_ONCE) {
      const batch = ids.slice(first, first + APPENDS_AT_ONCE);
      const outcomes = await log.append(
        batch.map((streamId) => appendOf(streamId, version, { ...event(version), schemaVersion: 1 })),
      );
      if (outcomes.some(({ outcome }) => outcome !== 'accepted')) throw new Error('An append was not accepted.');
    }
  }
}

/**
 * The same in Emmett's tables, one append after the other: it reads its log in the order of transactions and keeps its
 * place in the order of positions, so that of a log that was written by many at once it replays not every event.
 */
export async function writeEmmettLog(store: PostgresEventStore, streams: number): Promise<void> {
  const ids = Array.from({ length: streams }, () => `meter-${randomUUID()}`);
  for (let version = 0; version < EVENTS_PER_STREAM; version++) {
    for (const id of ids) await store.appendToStream<MeterEvent>(id, [event(version)]);
  }
}

function event(version: number): MeterEvent {
  return version === 0
    ? { type: 'MeterInstalled', data: { label: 'In the cellar' } }
    : { type: 'MeterRead', data: { value: version * 7 } };
}

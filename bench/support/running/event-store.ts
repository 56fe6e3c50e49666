import { randomUUID } from 'node:crypto';
import { openPool } from '../../../src/database/client.ts';
import { registerDomains } from '../../../src/kernel/define/domain.ts';
import type { EventMetadata } from '../../../src/kernel/define/event.ts';
import type { Append } from '../../../src/kernel/log/append/append.ts';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import { meterDomain } from '../workloads/meters.ts';

/** The log and its queue alone: no command is decided, nothing is projected. */
export interface EventStore {
  /** Appends one small event to a new stream. */
  appendToNew(): Promise<void>;
  /** Appends one small event to a stream, whatever version it has. */
  appendTo(streamId: string): Promise<void>;
  close(): Promise<void>;
}

const event = { type: 'MeterInstalled', schemaVersion: 1, data: { label: 'In the cellar' } };

export function openEventStore(url: string): EventStore {
  const pool = openPool({ url, connections: 4, applicationName: 'bench' });
  const log = new EventLog(pool.db, registerDomains([meterDomain(0)]).events);
  const queue = new AppendQueue(log, {
    limit: 10_000,
    batchLimit: 1000,
    onCommitted: () => {},
  });
  const append = async (streamId: string, expectedVersion: number | null) => {
    const { outcome } = await queue.append(appendOf(streamId, expectedVersion, event));
    if (outcome !== 'accepted') throw new Error(`An append was answered with ${outcome}.`);
  };
  return {
    appendToNew: () => append(newId(), 0),
    appendTo: (streamId) => append(streamId, null),
    close: async () => {
      await queue.close();
      await pool.close(1000);
    },
  };
}

/** An append as the command bus makes it: with a command id, its fingerprint and who it was. */
export function appendOf(streamId: string, expectedVersion: number | null, event: Append['events'][number]): Append {
  const commandId = newId();
  const metadata: EventMetadata = { actor: { id: 'system', roles: ['system'] }, correlationId: commandId };
  return {
    ...{ streamType: 'Meter', streamId, expectedVersion, commandId, fingerprint: randomUUID(), metadata },
    events: [event],
  };
}

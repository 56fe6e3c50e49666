import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { Order } from '../../../src/domains/orders/order.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { AppendEvent } from '../../../src/kernel/log/append/append.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import { EVENTS_PER_ORDER, openOrderLives } from './order-lives.ts';

const APPENDS_AT_ONCE = 250;
/** While Postgres appends one batch the next is made; more writers would wait for the log's lock. */
const WRITERS = 2;

/** The events of an order that a shop has taken from placing to delivery. */
export async function anOrdersEvents(url: string): Promise<readonly AppendEvent[]> {
  const lives = await openOrderLives(url);
  await lives.live(1);
  await lives.close();
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const events = await sql<AppendEvent[]>`
      select type, schema_version as "schemaVersion", data from es.events
      where stream_type = ${Order.name} order by version`;
    if (events.length !== EVENTS_PER_ORDER) throw new Error(`An order has ${events.length} events.`);
    return events;
  } finally {
    await sql.end();
  }
}

/** Appends the same events for as many new orders, one command for each, as an import of whole orders does. */
export async function importOrders(log: EventLog, orders: number, events: readonly AppendEvent[]): Promise<void> {
  let left = orders;
  const writer = async () => {
    while (left > 0) {
      const size = Math.min(APPENDS_AT_ONCE, left);
      left -= size;
      const outcomes = await log.append(
        Array.from({ length: size }, () => {
          const commandId = newId();
          return {
            ...{ streamType: Order.name, streamId: newId(), expectedVersion: 0, commandId, fingerprint: randomUUID() },
            metadata: { actor: SYSTEM, correlationId: commandId },
            events,
          };
        }),
      );
      if (outcomes.some(({ outcome }) => outcome !== 'accepted')) throw new Error('An append was not accepted.');
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

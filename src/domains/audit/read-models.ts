import { bigint, index, integer, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, isNobody, readTable } from '../../index.ts';

export const auditTable = readTable(
  'audit_trail',
  {
    /** The event's position in the log: each event has a row of its own. */
    position: bigint('position', { mode: 'number' }).primaryKey(),
    aggregateType: text('aggregate_type').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    version: integer('version').notNull(),
    eventType: text('event_type').notNull(),
    occurredAt: timestamp('occurred_at', { precision: 3, withTimezone: true }).notNull(),
    /** Null if nobody was signed in. */
    actorId: text('actor_id'),
    correlationId: text('correlation_id').notNull(),
    causationId: text('causation_id'),
    commandId: uuid('command_id').notNull(),
    /** The event's data without personal data. */
    summary: text('summary').notNull(),
  },
  // Read backwards, newest first.
  (table) => [
    index('audit_trail_aggregate').on(table.aggregateId, table.position),
    index('audit_trail_actor').on(table.actorId, table.position),
  ],
);

export const auditTrail = defineProjection('auditTrail', {
  description: 'Who did what, when and why: an entry for every event, whichever domain it is of.',
  table: auditTable,
  visibleTo: { staff: 'all', system: 'all' },
  every: (event, { put }) => {
    const { position, streamType, streamId, version, type, occurredAt, commandId } = event;
    return put(position, () => {
      const { actor, correlationId, causationId = null } = event.metadata;
      return {
        position,
        aggregateType: streamType,
        aggregateId: streamId,
        version,
        eventType: type,
        occurredAt,
        actorId: isNobody(actor) ? null : actor.id,
        correlationId,
        causationId,
        commandId,
        summary: event.summary,
      };
    });
  },
});

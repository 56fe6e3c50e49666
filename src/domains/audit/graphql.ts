import { eq } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { subjectOf } from '../../index.ts';
import { auditTable, auditTrail } from './read-models.ts';

/** Most summaries are short; that of an order with many lines or of an article is not. */
const ENTRY_BYTES = 5000;

export function auditGraphql(api: Api): void {
  const Entry = api.readModel('AuditEntry', auditTrail, {
    ownId: true,
    description: 'An event: something that has happened, and who was behind it.',
    bytes: ENTRY_BYTES,
    fields: (t) => ({
      aggregateType: t.exposeString('aggregateType', {
        description: 'The type of what it happened to: an Order, a process, …',
      }),
      aggregateId: t.exposeID('aggregateId', { description: 'Which one.' }),
      version: t.exposeInt('version', { description: "The event's number within its aggregate: 1, 2, 3, …" }),
      eventType: t.exposeString('eventType', { description: 'The type of the event.' }),
      occurredAt: t.expose('occurredAt', {
        type: 'DateTime',
        description: 'When it happened; for imported events, the original time.',
      }),
      actorId: t.exposeID('actorId', {
        nullable: true,
        description: 'Who did it; `system` for the application itself, null if nobody was signed in.',
      }),
      correlationId: t.exposeID('correlationId', {
        description:
          'The request that caused it: the same for everything that followed from it, also through processes.',
      }),
      causationId: t.exposeID('causationId', {
        nullable: true,
        description: 'The event to which a process reacted; null for a request from outside.',
      }),
      commandId: t.exposeID('commandId', { nullable: true, description: 'The command that decided it.' }),
      summary: t.exposeString('summary', { description: "The event's data, without personal data." }),
    }),
  });
  const Connection = api.connection('Audit', Entry);
  api.subscriptionToRow(
    'auditEntryUpdated',
    Entry,
    'For staff: the entry now, and again each time its read model changes.',
    { name: 'id', description: 'Its id, or its position in the log.' },
  );

  api.builder.queryField('auditTrail', (t) =>
    t.field({
      type: Connection,
      description:
        'For staff: who did what, when and why, newest first; for one aggregate, for one actor, or for everything.',
      args: {
        aggregateId: t.arg.id({ description: 'Only what happened to this aggregate or process.' }),
        actorId: t.arg.id({ description: 'Only what this actor did.' }),
        ...api.pageArguments(t),
      },
      resolve: (_, { aggregateId, actorId, ...args }, { rows }, info) =>
        rows.page(auditTrail, {
          args,
          info,
          sortBy: auditTable.position,
          direction: 'desc',
          where: [
            aggregateId == null ? undefined : eq(auditTable.aggregateId, api.idFrom(aggregateId)),
            actorId == null ? undefined : eq(auditTable.actorId, subjectOf(api.storableText(actorId, 'An actor'))),
          ],
        }),
    }),
  );
}

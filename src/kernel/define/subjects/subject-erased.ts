import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { nonPersonal } from '../personal/personal.ts';

/**
 * The engine's own event: the personal data of a subject was destroyed. It stays in the log as the proof of that, so the
 * reason must not be personal.
 */
export const SubjectErased = defineEvent('SubjectErased', {
  description: 'The personal data of a subject was destroyed, on whose order and why.',
  data: z.object({
    /** Type and id, as `person/0197…`. */
    subject: nonPersonal(z.string()),
    reason: nonPersonal(z.string()),
  }),
});

/**
 * The one stream of all erasures. Its versions number them: 1, 2, 3, … An instance that knows the last number finds newer
 * ones with one look-up in an index. No aggregate can have a name with a full stop.
 */
export const ERASURES = {
  streamType: 'afterwrite.Erasures',
  streamId: '00000000-0000-8000-8000-657261737564',
} as const;

/** The number of erasures so far, as an expression of SQL. */
export const erasuresSoFar = sql`(select coalesce(max(version), 0) from es.events
  where stream_type = ${ERASURES.streamType} and stream_id = ${ERASURES.streamId}::uuid)`;

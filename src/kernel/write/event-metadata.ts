import { MAX_ACTOR_ID, NOBODY } from '../define/access/actor.ts';
import type { EventMetadata } from '../define/event.ts';
import type { ExecuteOptions } from './execute-options.ts';

/** Maximum length of the id of a correlation, a causation or a trace, in UTF-16 units. Read models index these ids. */
const MAX_ID = 200;

/**
 * Metadata of the events of a command.
 * @throws {RangeError} if an id is too long for the indexes of read models, or cannot be stored. Callers that accept
 * ids from outside have to check this first.
 */
export function metadataOf(options: ExecuteOptions, commandId: string): EventMetadata {
  const { correlationId, causationId, traceparent, initiator } = options;
  const { id, roles } = options.actor ?? NOBODY;
  assertId('actor', id, MAX_ACTOR_ID);
  assertId('correlation', correlationId);
  assertId('causation', causationId);
  assertId('trace', traceparent);
  return {
    actor: { id, roles },
    ...(initiator !== undefined && initiator !== id ? { initiator } : {}),
    correlationId: correlationId ?? commandId,
    ...(causationId ? { causationId } : {}),
    ...(traceparent ? { traceparent } : {}),
  };
}

function assertId(what: string, id: string | undefined, max = MAX_ID): void {
  if (id === undefined || (id.length <= max && id.isWellFormed() && !id.includes('\0'))) return;
  throw new RangeError(
    `The id of the ${what} is longer than ${max} characters, or is text that Postgres cannot store.`,
  );
}

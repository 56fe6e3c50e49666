import { NOBODY } from '../define/actor.ts';
import type { EventMetadata } from '../define/event.ts';
import type { CommandOptions } from './command-options.ts';

/** Metadata of the events of a command. */
export function metadataOf(options: CommandOptions, commandId: string): EventMetadata {
  const { correlationId, causationId, traceparent, initiator } = options;
  const { id, roles } = options.actor ?? NOBODY;
  return {
    actor: { id, roles },
    ...(initiator !== undefined && initiator !== id ? { initiator } : {}),
    correlationId: correlationId ?? commandId,
    ...(causationId ? { causationId } : {}),
    ...(traceparent ? { traceparent } : {}),
  };
}

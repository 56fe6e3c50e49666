import type { EventMetadata } from '../define/event.ts';
import type { CommandOptions } from './command-bus.ts';

/** What a command's events say of whence they come. */
export function metadataOf(options: CommandOptions, commandId: string): EventMetadata {
  const { actor, correlationId, causationId, traceparent } = options;
  return {
    actor: actor ? { id: actor.id, roles: actor.roles } : { id: 'anonymous', roles: [] },
    correlationId: correlationId ?? commandId,
    ...(causationId ? { causationId } : {}),
    ...(traceparent ? { traceparent } : {}),
  };
}

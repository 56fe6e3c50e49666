import { NOBODY } from '../define/actor.ts';
import type { EventMetadata } from '../define/event.ts';
import type { CommandOptions } from './command-bus.ts';

/** What a command's events say of whence they come. */
export function metadataOf(options: CommandOptions, commandId: string): EventMetadata {
  const { correlationId, causationId, traceparent } = options;
  const { id, roles } = options.actor ?? NOBODY;
  return {
    actor: { id, roles },
    correlationId: correlationId ?? commandId,
    ...(causationId ? { causationId } : {}),
    ...(traceparent ? { traceparent } : {}),
  };
}

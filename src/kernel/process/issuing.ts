import { SYSTEM } from '../define/actor.ts';
import { type EventMetadata, initiatorOf, type RecordedEvent } from '../define/event.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { CommandOptions } from '../write/command-options.ts';
import type { CommandOutcome } from '../write/outcome.ts';
import { PassingError } from './follower.ts';

export type Issuer = Pick<CommandBus, 'executeUnchecked'>;

/** Others change the same stream so often that this command found no moment for itself. It is no answer: it will. */
export class BusyError extends PassingError {
  readonly code = 'STREAM_BUSY';

  constructor(command: string, commandId: string) {
    super(`${command} ${commandId} met others on its stream each time that it was decided; it is issued again.`);
    this.name = 'BusyError';
  }
}

/**
 * Options of a command that the application issues because of an event. It acts as the system, on behalf of whoever
 * initiated the event. It is a continuation: lag of read models does not throttle it.
 */
export function causedBy({ eventId, metadata }: RecordedEvent): CommandOptions {
  const { traceparent } = metadata;
  return { ...onBehalfOf(metadata), causationId: eventId, ...(traceparent ? { traceparent } : {}) };
}

/** The same for a command that no event causes, as if a deadline comes, in a chain that began with an event of this metadata. */
export function onBehalfOf(metadata: EventMetadata): CommandOptions {
  const { correlationId } = metadata;
  return { actor: SYSTEM, idsFrom: 'engine', isContinuation: true, initiator: initiatorOf(metadata), correlationId };
}

/** @throws where a command that nothing speaks against was not accepted. */
export function assertDone(outcome: CommandOutcome, command: string, commandId: string): void {
  // Not begun: what does not begin a process does not concern it.
  if (outcome.kind === 'accepted' || outcome.kind === 'notFound') return;
  if (outcome.kind === 'conflict') throw new BusyError(command, commandId);
  throw new Error(`${command} ${commandId} came to ${JSON.stringify(outcome)}.`);
}

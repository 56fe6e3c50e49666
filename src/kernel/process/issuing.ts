import { SYSTEM } from '../define/actor.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { CommandBus, CommandOptions } from '../write/command-bus.ts';
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

/** How a command is issued by the application because of an event: what was begun goes on, also where read models lag. */
export function causedBy(event: RecordedEvent | undefined): CommandOptions {
  if (!event) return { actor: SYSTEM, isContinuation: true };
  const { correlationId, traceparent } = event.metadata;
  return {
    actor: SYSTEM,
    isContinuation: true,
    correlationId,
    causationId: event.eventId,
    ...(traceparent ? { traceparent } : {}),
  };
}

/** @throws where a command that nothing speaks against was not accepted. */
export function assertDone(outcome: CommandOutcome, command: string, commandId: string): void {
  // Not begun: what does not begin a process does not concern it.
  if (outcome.kind === 'accepted' || outcome.kind === 'notFound') return;
  if (outcome.kind === 'conflict') throw new BusyError(command, commandId);
  throw new Error(`${command} ${commandId} came to ${JSON.stringify(outcome)}.`);
}

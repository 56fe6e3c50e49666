import { v5 as uuidv5 } from 'uuid';
import { SYSTEM } from '../define/access/actor.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { type EventMetadata, initiatorOf, type RecordedEvent } from '../define/event.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { ExecuteOptions } from '../write/execute-options.ts';
import { RetryableError } from './follow/retries.ts';

export type CommandIssuer = Pick<CommandBus, 'executeUnchecked'>;

/** The command conflicted every time it was decided. This is not a refusal: it is issued again. */
export class BusyError extends RetryableError {
  readonly code = 'STREAM_BUSY';

  constructor(command: string, commandId: string) {
    super(
      `${command} ${commandId} conflicted with other commands on its stream each time it was decided. It is issued again.`,
    );
    this.name = 'BusyError';
  }
}

/** All ids of a command were used before, for something else. Only the application creates such ids. */
export class IdsUsedError extends Error {
  readonly code = 'COMMAND_IDS_USED';

  constructor(command: string, commandId: string) {
    super(
      `${command}: the command id ${commandId} and those that follow from it are in the log already, for something else. ` +
        'It cannot be issued. Find out what the command was for, and discard the item with `parked discard`.',
    );
    this.name = 'IdsUsedError';
  }
}

/**
 * The id to use for a command if the previous ones were used for something else.
 * @param nth 0 for the first id.
 */
export function nthId(commandId: string, nth: number): string {
  return nth === 0 ? commandId : uuidv5(`${nth}`, commandId);
}

/**
 * Options of a command that the application issues because of an event. It acts as the system, on behalf of the
 * initiator of the event. It is a continuation: lag of read models does not throttle it.
 */
export function causedBy({ eventId, metadata, subject }: RecordedEvent): ExecuteOptions {
  const { traceparent } = metadata;
  return { ...onBehalfOf(metadata), subject, causationId: eventId, ...(traceparent ? { traceparent } : {}) };
}

/**
 * The same for a command without a causing event, such as that of a deadline. The metadata is that of the event that
 * began the chain.
 */
export function onBehalfOf(metadata: EventMetadata): ExecuteOptions {
  const { correlationId } = metadata;
  return { actor: SYSTEM, idsFrom: 'engine', isContinuation: true, initiator: initiatorOf(metadata), correlationId };
}

/** @throws if the command was not accepted, and not refused either. */
export function assertDone(outcome: CommandOutcome, command: string, commandId: string): void {
  // `notFound`: the process has not begun, so the event does not concern it.
  if (outcome.kind === 'accepted' || outcome.kind === 'notFound') return;
  if (outcome.kind === 'conflict') throw new BusyError(command, commandId);
  throw new Error(`${command} ${commandId} came to ${JSON.stringify(outcome)}.`);
}

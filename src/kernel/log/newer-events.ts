import { type RecordedEvent, UnreadableEventError } from '../define/event.ts';
import { ElsewhereError } from '../errors.ts';

/**
 * A command needs a stream that contains an event of newer code, which happens during a deployment. Nothing was done.
 * Instances that run the newer code can accept the command.
 */
export class NewerEventError extends ElsewhereError {
  /** The unreadable event, for callers that wait for newer code instead of retrying. */
  override readonly cause: UnreadableEventError;

  constructor(cause: UnreadableEventError) {
    const { eventName, schemaVersion } = cause;
    super(
      `This instance cannot read the event ${eventName} of schema version ${schemaVersion}. It was stored by a newer version ` +
        'of the application, and another instance can take this command.',
    );
    this.name = 'NewerEventError';
    this.cause = cause;
  }
}

/**
 * Runs a function that loads streams.
 * @throws {NewerEventError} if a stream contains an event that only newer code can read.
 */
export async function orElsewhere<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof UnreadableEventError && error.isNewer ? new NewerEventError(error) : error;
  }
}

/** A consumer of the log needs an event that was stored by newer code: with this code it cannot go on. */
export class AheadOfCodeError extends Error {
  readonly code = 'AHEAD_OF_CODE';
  override readonly cause: UnreadableEventError;

  constructor(cause: UnreadableEventError) {
    const { eventName, schemaVersion, position } = cause;
    const where = position === undefined ? '' : ` at position ${position}`;
    super(
      `The event ${eventName} of schema version ${schemaVersion}${where} was stored by newer code than this. ` +
        'An instance with that code can go on, and this one waits for it: nothing is put aside.',
    );
    this.name = 'AheadOfCodeError';
    this.cause = cause;
  }
}

/** The event of newer code that a failure or its cause is about; undefined if there is none. */
export function newerEventOf(failure: unknown): UnreadableEventError | undefined {
  for (let error = failure; error instanceof Error; error = error.cause) {
    if (error instanceof UnreadableEventError) return error.isNewer ? error : undefined;
  }
  return undefined;
}

/**
 * The events of a page before the first one that only newer code can read: nothing behind it may be applied before it.
 * @throws {AheadOfCodeError} if that is the first event.
 */
export function beforeNewer(
  events: readonly RecordedEvent[],
  newer: UnreadableEventError | undefined,
): readonly RecordedEvent[] {
  if (!newer) return events;
  const before = events.filter(({ position }) => position < (newer.position ?? 0));
  if (before.length === 0) throw new AheadOfCodeError(newer);
  return before;
}

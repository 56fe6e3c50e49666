import { UnreadableEventError } from '../define/event.ts';
import { ThrottledError } from '../errors.ts';

/** When to try again, in ms. By then, a proxy may have chosen another instance, or this one may have been replaced. */
const RETRY_AFTER_MS = 1000;

/**
 * A command needs a stream that contains an event of newer code, which happens during a deployment. Nothing was done.
 * Instances that run the newer code can accept the command.
 */
export class NewerEventError extends ThrottledError {
  /** The unreadable event, for callers that park it instead of retrying. */
  override readonly cause: UnreadableEventError;

  constructor(cause: UnreadableEventError) {
    const { eventName, schemaVersion } = cause;
    super(
      RETRY_AFTER_MS,
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

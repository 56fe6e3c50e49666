/** Too much waits already: nothing was taken, try again. */
export class ThrottledError extends Error {
  readonly code = 'THROTTLED';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, reason: string) {
    super(`${reason} Try again in ${retryAfterMs} ms.`);
    this.name = 'ThrottledError';
    this.retryAfterMs = retryAfterMs;
  }
}

/** The connection to the database was lost for so long that nobody knows whether the append was committed. */
export class OutcomeUnknownError extends Error {
  readonly code = 'OUTCOME_UNKNOWN';
  readonly commandId: string;

  constructor(commandId: string, cause: unknown) {
    super(
      `The database did not answer, so it is not known whether command ${commandId} was accepted. ` +
        'Send it again with the same commandId: it takes effect once.',
      { cause },
    );
    this.name = 'OutcomeUnknownError';
    this.commandId = commandId;
  }
}

/** Who asks has to sign in first, or with other credentials. Has no cause: libraries' errors carry a token's claims. */
export class UnauthenticatedError extends Error {
  readonly code = 'UNAUTHENTICATED';

  constructor(message: string) {
    super(message);
    this.name = 'UnauthenticatedError';
  }
}

/** The credentials were good and have expired: with new ones the same is allowed. */
export class CredentialsExpiredError extends UnauthenticatedError {
  constructor(message: string) {
    super(message);
    this.name = 'CredentialsExpiredError';
  }
}

/** Who asks may not do or see this. */
export class ForbiddenError extends Error {
  readonly code = 'FORBIDDEN';

  constructor(message: string) {
    super(message);
    this.name = 'ForbiddenError';
  }
}

import { KEYRING_ERROR_CODES } from './privacy/keyring.ts';

/**
 * Codes of the engine's errors. Clients see some of them (see `REQUEST_ERROR_CODES`); the others appear in logs, dead letters, parked
 * items and answers to operators. docs/errors.md explains each.
 */
export const ENGINE_ERROR_CODES = [
  ...(['THROTTLED', 'OUTCOME_UNKNOWN', 'UNAUTHENTICATED', 'FORBIDDEN'] as const),
  ...(['TENANT_REQUIRED', 'TENANT_UNKNOWN'] as const),
  ...(['CONSISTENCY_TIMEOUT', 'INVALID_TOKEN', 'FOREIGN_TOKEN', 'TOKEN_AHEAD'] as const),
  ...(['BAD_SNAPSHOT', 'FENCED', 'NOT_LISTENING', 'UNREADABLE_EVENT'] as const),
  ...(['AHEAD_OF_CODE', 'FOLD_FAILED', 'ROW_MISMATCH', 'FULL_BATCH', 'TOO_LATE', 'TOO_MANY_DEAD_LETTERS'] as const),
  ...(['DEAD_LETTER_CHANGED', 'DEAD_LETTER_NOT_FOUND', 'OTHER_VERSION', 'UNKNOWN_PROJECTION'] as const),
  ...(['REBUILD_REFUSED', 'VERIFY_FAILED', 'VERIFY_UNDER_WAY'] as const),
  ...(['READ_TABLE_CHANGED', 'READ_TABLE_TAKEN', 'READ_TABLES_IN_USE', 'READ_TABLE_UNSUPPORTED'] as const),
  ...KEYRING_ERROR_CODES,
  ...(['REASON_REFUSED', 'SUBJECT_MALFORMED', 'COLUMN_UNMASKABLE'] as const),
  ...(['CALL_UNANSWERED', 'COMMAND_IDS_USED', 'PARKED_ITEM_NOT_FOUND', 'STEP_UNDECLARED', 'STREAM_BUSY'] as const),
] as const;

/** Codes with which the engine itself, not a rule of the application, rejects a command. */
export const ENGINE_REJECTION_CODES = ['ID_TAKEN', 'NOT_STORABLE', 'SUBJECT_ERASED'] as const;

/** Codes that a process or an effect receives if its command or call failed; parked items carry them. */
export const ISSUED_COMMAND_CODES = ['INVALID', 'NOT_FOUND', 'REFUSED', 'UNKNOWN_COMMAND', 'FAULT'] as const;

/** Too much work is waiting. Nothing was done; the caller can try again. */
export class ThrottledError extends Error {
  readonly code = 'THROTTLED';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, reason: string) {
    super(`${reason} Try again in ${retryAfterMs} ms.`);
    this.name = 'ThrottledError';
    this.retryAfterMs = retryAfterMs;
  }
}

/** When to try again elsewhere, in ms. By then, a proxy may have chosen another instance, or this one may have been replaced. */
const ELSEWHERE_AFTER_MS = 1000;

/**
 * Only an instance with newer code can do this, as during a deployment. Nothing was done. Over HTTP the status is 503, so that a proxy
 * tries another instance.
 */
export class ElsewhereError extends ThrottledError {
  constructor(reason: string) {
    super(ELSEWHERE_AFTER_MS, reason);
    this.name = 'ElsewhereError';
  }
}

/** The connection to the database was lost for so long that it is unknown whether the append was committed. */
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

/**
 * The caller must sign in first, or with other credentials. Has no cause: errors of libraries contain the token's
 * claims.
 */
export class UnauthenticatedError extends Error {
  readonly code: 'UNAUTHENTICATED' | 'TENANT_REQUIRED';

  constructor(message: string, code: UnauthenticatedError['code'] = 'UNAUTHENTICATED') {
    super(message);
    this.name = 'UnauthenticatedError';
    this.code = code;
  }
}

/** The application has tenants, and the credentials name none. */
export class TenantRequiredError extends UnauthenticatedError {
  constructor(message: string) {
    super(message, 'TENANT_REQUIRED');
    this.name = 'TenantRequiredError';
  }
}

/** The credentials were valid and have expired: the same request is allowed with new ones. */
export class CredentialsExpiredError extends UnauthenticatedError {
  constructor(message: string) {
    super(message);
    this.name = 'CredentialsExpiredError';
  }
}

/** There is no tenant of the name that the credentials have. */
export class TenantUnknownError extends Error {
  readonly code = 'TENANT_UNKNOWN';

  constructor() {
    super('The access token names a tenant that is not known here.');
    this.name = 'TenantUnknownError';
  }
}

/** The database of the caller's tenant cannot be used now. Nothing was done. Over HTTP the status is 503. */
export class TenantUnavailableError extends ThrottledError {
  constructor(retryAfterMs: number, reason: string, options: ErrorOptions = {}) {
    super(retryAfterMs, reason);
    this.name = 'TenantUnavailableError';
    this.cause = options.cause;
  }
}

/** The caller may not do or see this. */
export class ForbiddenError extends Error {
  readonly code = 'FORBIDDEN';

  constructor(message: string) {
    super(message);
    this.name = 'ForbiddenError';
  }
}

import { withoutCredentials } from '../text/credentials.ts';
import { readTarget } from './connection-string/target.ts';

/** A problem with the database, as one line for the person who starts the application. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(withoutCredentials(message), options);
    this.name = 'DatabaseError';
    this.code = code;
  }

  /** Describes a driver's error; one of ours passes through. The URL's password is not repeated. */
  static from(cause: unknown, url: string): DatabaseError {
    if (cause instanceof DatabaseError) return cause;
    const { code, message } = rootOf(cause);
    const where = describeUrl(url);
    switch (code) {
      case '28P01':
      case '28000':
        return new DatabaseError('DATABASE_REFUSED', `${where} refuses this user or password: ${message}`, { cause });
      case '3D000':
        return new DatabaseError('DATABASE_MISSING', `${where} has no such database: ${message}`, { cause });
      case '42501':
        return new DatabaseError('DATABASE_FORBIDDEN', `The user of ${where} lacks a permission: ${message}`, {
          cause,
        });
      case 'ERR_INVALID_URL':
        // Its cause would repeat the URL.
        return new DatabaseError('DATABASE_UNREACHABLE', `The database's URL cannot be read: ${message}`);
      case '25006':
        return new DatabaseError('DATABASE_READ_ONLY', `${where} cannot be written to: ${message}`, { cause });
      case '57P03':
        return new DatabaseError('DATABASE_UNREACHABLE', `${where} is starting or shutting down: ${message}`, {
          cause,
        });
      default:
        return new DatabaseError('DATABASE_UNREACHABLE', `${where} cannot be used: ${message || code}`, { cause });
    }
  }
}

/** Why an application does not start on its database. */
export const DATABASE_ERROR_CODES = [
  ...(['DATABASE_UNREACHABLE', 'DATABASE_REFUSED', 'DATABASE_MISSING', 'DATABASE_FORBIDDEN'] as const),
  ...(['DATABASE_TOO_OLD', 'DATABASE_UNFIT', 'DATABASE_READ_ONLY', 'DATABASE_NEWER', 'MIGRATION_FAILED'] as const),
  ...(['REPLICA_FOREIGN', 'REPLICA_BEHIND', 'READ_REPLICA_UNSUPPORTED', 'READ_TABLES_IN_USE'] as const),
  ...(['DATABASE_OF_ANOTHER', 'TENANCY_MISMATCH', 'TENANT_MISSING'] as const),
] as const;

export type DatabaseErrorCode = (typeof DATABASE_ERROR_CODES)[number];

/** Drizzle wraps the driver's error and postgres.js may wrap the socket's: the innermost one says what happened. */
export function rootOf(error: unknown): {
  readonly code: string;
  readonly message: string;
  /** As Postgres names it, in English: ERROR, FATAL or PANIC. Empty if the error is not Postgres'. */
  readonly severity: string;
} {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  if (root instanceof AggregateError && root.errors.length > 0) root = root.errors[0];
  const code = root instanceof Error && 'code' in root ? String(root.code) : '';
  const severity = root instanceof Error && 'severity' in root ? String(root.severity) : '';
  return { code, message: root instanceof Error ? root.message : String(root), severity };
}

/** The servers and the database of a URL, without user and password. */
export function describeUrl(url: string): string {
  try {
    const { servers, database } = readTarget(url);
    const places = servers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
    return `Postgres at ${places.join(',')}/${database}`;
  } catch {
    return 'Postgres';
  }
}

/** Everything that can go wrong with the embedded Postgres. */
export const EMBEDDED_POSTGRES_ERROR_CODES = [
  'unsupported_platform',
  'binaries_missing',
  'binaries_unusable',
  'data_dir_unusable',
  'data_dir_unreachable',
  'no_space',
  'wrong_owner',
  'no_ordinary_user',
  'not_a_cluster',
  'other_major_version',
  'password_missing',
  'password_wrong',
  'initdb_failed',
  'start_failed',
  'start_timeout',
  'orphans_remain',
  'stop_failed',
  'locked',
] as const;

export type EmbeddedPostgresErrorCode = (typeof EMBEDDED_POSTGRES_ERROR_CODES)[number];

/** Every failure of the embedded Postgres that a person or a calling program can do something about. */
export class EmbeddedPostgresError extends Error {
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
    this.code = code;
  }
}

/** The system's error code (`ENOENT`, …) or Postgres's SQLSTATE of a thrown value; `undefined` if it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Turns a failed file operation in the data folder into one clear sentence; passes our own errors through. */
export function dataDirError(error: unknown, dataDir: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const code = errorCode(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EmbeddedPostgresError('no_space', `There is no space left for the database in ${dataDir}: ${reason}.`, {
      cause: error,
    });
  }
  return new EmbeddedPostgresError(
    'data_dir_unusable',
    `The data folder ${dataDir} can not be used (${reason}): make it writable or set DATA_DIR to another folder.`,
    { cause: error },
  );
}

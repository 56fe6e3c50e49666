/** Why a connection to Postgres fails, besides Postgres' own codes (SQLSTATE) and those of the operating system. */
export const LINK_ERROR_CODES = [
  ...(['CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_SILENT', 'NO_POSTGRES'] as const),
  ...(['LOGIN_REFUSED', 'LOGIN_UNKNOWN', 'SASL_BROKEN', 'SASL_SIGNATURE_MISMATCH', 'CHANNEL_UNBOUND'] as const),
  ...(['TLS_FAILED', 'TLS_FILE', 'TLS_NO_ROOT', 'TLS_REFUSED'] as const),
] as const;

/** An error of a connection, in the form of the driver's. */
export function linkError(code: string, message: string, options?: ErrorOptions): Error & { readonly code: string } {
  return Object.assign(new Error(message, options), { code });
}

/** The connection was given up because no answer came. */
export const SILENT = 'CONNECTION_SILENT';
/** Postgres' code for a server that only reads. */
export const READ_ONLY = '25006';

/** An error of a connection, in the form of the driver's. */
export function linkError(code: string, message: string, options?: ErrorOptions): Error & { readonly code: string } {
  return Object.assign(new Error(message, options), { code });
}

/** The connection was given up because no answer came. */
export const SILENT = 'CONNECTION_SILENT';
/** Postgres' code for a server that only reads. */
export const READ_ONLY = '25006';

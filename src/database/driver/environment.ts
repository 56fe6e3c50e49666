/**
 * Opens a client without PGTARGETSESSIONATTRS. The driver reads that variable itself, knows fewer values than libpq,
 * and throws on the others. Our own code for connection strings supports all values, see `connection-string/`.
 *
 * No upstream issue is known.
 */
export function withoutEnvironment<T>(open: () => T): T {
  const { PGTARGETSESSIONATTRS: attributes } = process.env;
  if (attributes === undefined) return open();
  delete process.env.PGTARGETSESSIONATTRS;
  try {
    return open();
  } finally {
    process.env.PGTARGETSESSIONATTRS = attributes;
  }
}

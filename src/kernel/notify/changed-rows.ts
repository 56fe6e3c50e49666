/** Values of rows before and after a change, by the texts of their keys. A row that did not exist is missing. */
export interface ChangedRows {
  readonly before: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly after: ReadonlyMap<string, { readonly row: Readonly<Record<string, unknown>> }>;
}

/**
 * What a batch tells that changed no row. It is not undefined: a list that knows nothing of a change is executed again.
 */
export const NO_CHANGED_ROWS: ChangedRows = { before: new Map(), after: new Map() };

/** Fingerprints of values that a changed row had before, by property. What is missing is unknown. */
export type RowFingerprints = Readonly<Record<string, string>>;

/** What changed rows were before, as fingerprints. Rows that did not exist are missing. */
export interface FormerRows {
  /** Identifies the key of the fingerprints. */
  readonly keyId: string;
  readonly rows: readonly RowFingerprints[];
}

/** The same of several changes, one after the other; undefined if one of them is unknown. */
export function allFormerRows(changes: readonly (FormerRows | undefined)[]): FormerRows | undefined {
  const [first, ...others] = changes;
  if (!first) return undefined;
  const rows = [...first.rows];
  for (const other of others) {
    if (other?.keyId !== first.keyId) return undefined;
    rows.push(...other.rows);
  }
  return { keyId: first.keyId, rows };
}

/** Values of rows before and after a change, by the texts of their keys. A row that did not exist is missing. */
export interface ChangedRows {
  readonly before: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly after: ReadonlyMap<string, { readonly row: Readonly<Record<string, unknown>> }>;
}

/** Values that a changed row had before, by property: only short ones. What is missing is unknown. */
export type FormerValues = Readonly<Record<string, string | boolean | null>>;

/** Longest text that is told to other instances, in UTF-16 units: longer ones seldom tell lists apart. */
const MAX_LENGTH = 64;

/** What changed rows were before. Rows that did not exist are missing. */
export function formerValuesOf({ before }: ChangedRows): FormerValues[] {
  return [...before.values()].map((row) => Object.fromEntries(Object.entries(row).filter(isShort)));
}

/** The same of several changes, one after the other; undefined if one of them is unknown. */
export function allFormerValues(
  changes: readonly (readonly FormerValues[] | undefined)[],
): readonly FormerValues[] | undefined {
  const all: FormerValues[] = [];
  for (const former of changes) {
    if (!former) return undefined;
    all.push(...former);
  }
  return all;
}

function isShort(entry: [property: string, value: unknown]): entry is [string, string | boolean | null] {
  const [, value] = entry;
  return value === null || typeof value === 'boolean' || (typeof value === 'string' && value.length <= MAX_LENGTH);
}

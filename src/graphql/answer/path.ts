/** The place of a value in an answer. */
export interface Path {
  readonly prev: Path | undefined;
  readonly key: string | number;
}

/** Longest name that is quoted from a path: the client chooses names. */
const MAX_NAME = 40;

/** A path as text, without the indexes of lists, such as `loans.edges.node`. */
export function pathOf(path: Path | undefined): string {
  const names: string[] = [];
  for (let at = path; at; at = at.prev) if (typeof at.key === 'string') names.unshift(at.key.slice(0, MAX_NAME));
  return names.join('.');
}

/** Total length of the names in a path. */
export function lengthOf(path: Path | undefined): number {
  let length = 0;
  for (let at = path; at; at = at.prev) length += typeof at.key === 'string' ? at.key.length + 3 : 4;
  return length;
}

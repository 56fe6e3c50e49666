/** Removes what was added first, until no more than this are left. */
export function keepNewest(
  all: { readonly size: number; keys(): Iterator<string>; delete(key: string): unknown },
  most: number,
): void {
  while (all.size > most) all.delete(all.keys().next().value as string);
}

/** A declaration at the start of a line; that excludes comments and what `declare module` merges into another type. */
const DECLARATION = /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|enum|interface|type) (\w+)/gm;

/**
 * The types that more than one file declares, with those files.
 * @param sources the text of each file by its path.
 */
export function repeatedTypes(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const files = new Map<string, Set<string>>();
  for (const [file, text] of sources) {
    for (const [, name = ''] of text.matchAll(DECLARATION)) files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  return new Map(
    [...files].filter(([, declaring]) => declaring.size > 1).map(([name, all]) => [name, [...all].sort()]),
  );
}

import type { Registry } from '../define/domain.ts';

/**
 * Which streams may have the same id. An id belongs to one aggregate whatever its type, so that an id alone says what it
 * means. Processes have the ids of what they are about, and an aggregate may share the ids of another one (`sharesIdsWith`).
 */
export interface IdRules {
  /** Stream types that may have any id. */
  readonly shared: ReadonlySet<string>;
  /** For a stream type the others that may have the same id. */
  readonly sharedWith: ReadonlyMap<string, readonly string[]>;
}

/** Without knowledge of aggregates: every type for itself. */
export const OWN_IDS: IdRules = { shared: new Set(), sharedWith: new Map() };

export function idRulesOf({ aggregates, processes }: Pick<Registry, 'aggregates' | 'processes'>): IdRules {
  const sharedWith = new Map<string, Set<string>>();
  const share = (type: string, other: string) => {
    const types = sharedWith.get(type) ?? new Set();
    sharedWith.set(type, types.add(other));
  };
  for (const { name, sharesIdsWith } of aggregates.values()) {
    for (const other of sharesIdsWith) {
      share(name, other);
      share(other, name);
    }
  }
  return {
    shared: new Set(processes.keys()),
    sharedWith: new Map([...sharedWith].map(([type, types]) => [type, [...types]])),
  };
}

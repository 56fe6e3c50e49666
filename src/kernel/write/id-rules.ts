import type { Registry } from '../define/registration/registry.ts';

/**
 * Which streams may have the same id. By default, an id belongs to one aggregate of any type, so that an id alone
 * identifies it. A process has the id of its subject. An aggregate may share the ids of another one (`sharesIdsWith`).
 * An aggregate whose ids are those of actors (`idsAreActors`) may begin even if another stream has the id.
 */
export interface IdRules {
  /** Stream types that may have any id. */
  readonly shared: ReadonlySet<string>;
  /** For each stream type, the other types that may have its ids. */
  readonly sharedWith: ReadonlyMap<string, readonly string[]>;
}

/** Rules without knowledge of aggregates: ids are never shared. */
export const OWN_IDS: IdRules = { shared: new Set(), sharedWith: new Map() };

/** The other types that may have the ids of a type's streams; null if any may. */
export function typesSharingIds({ shared, sharedWith }: IdRules, streamType: string): readonly string[] | null {
  if (shared.has(streamType)) return null;
  return [...shared, ...(sharedWith.get(streamType) ?? [])];
}

export function idRulesOf({ aggregates, processes }: Pick<Registry, 'aggregates' | 'processes'>): IdRules {
  const sharedWith = new Map<string, Set<string>>();
  const share = (type: string, others: Iterable<string>) => {
    sharedWith.set(type, new Set([...(sharedWith.get(type) ?? []), ...others]));
  };
  const ofActors = [...aggregates.values()].filter(({ idsAreActors }) => idsAreActors).map(({ name }) => name);
  for (const { name, sharesIdsWith, idsAreActors } of aggregates.values()) {
    for (const other of sharesIdsWith) share(other, [name]);
    // With `idsAreActors`, this aggregate may have begun after the one whose id it shares.
    if (sharesIdsWith.length > 0) share(name, [...sharesIdsWith, ...ofActors]);
    if (idsAreActors) share(name, aggregates.keys());
  }
  return {
    shared: new Set(processes.keys()),
    sharedWith: new Map([...sharedWith].map(([type, types]) => [type, [...types]])),
  };
}

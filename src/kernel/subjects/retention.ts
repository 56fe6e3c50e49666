import type { Subject } from '../define/personal/subject.ts';
import type { Registry } from '../define/registration/registry.ts';
import { retentionSubject } from '../privacy/subject-keys.ts';

const PREFIX = retentionSubject('');

/** True if what is erased is not a person, but everything that was kept until a day. */
export function isRetention(subject: Subject): boolean {
  return subject.startsWith(PREFIX);
}

/** The kinds of events that have parts that are kept for a number of days, and the kinds of streams that they are in. */
export interface KeptForDays {
  readonly types: readonly string[];
  readonly streamTypes: readonly string[];
}

export function keptForDays({ events, aggregates }: Pick<Registry, 'events' | 'aggregates'>): KeptForDays {
  const types = new Set(
    Object.values(events).flatMap(({ eventName, personalParts }) => (personalParts.areKeptForDays ? [eventName] : [])),
  );
  const streamTypes = [...aggregates.values()].filter((aggregate) =>
    Object.keys(aggregate.events).some((type) => types.has(type)),
  );
  return { types: [...types], streamTypes: streamTypes.map(({ name }) => name) };
}

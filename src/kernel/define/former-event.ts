import type { EventDefinition } from './event.ts';

/** Stands for an event that the log contains and that no code handles any more, whatever its schema version. */
export function formerEvent(name: string): EventDefinition {
  return {
    eventName: name,
    schemaVersion: 0,
    description: undefined,
    decode: (stored) => stored,
    summary: () => '',
    unclassified: [],
    dataSchema: {},
    personalParts: { exist: false, unerasable: [], areKeptForDays: false, find: () => [], samples: () => [] },
    hasSubject: false,
    subjectOf: () => undefined,
  };
}

/** True for an event of which no more is known than its name. */
export function isFormer({ schemaVersion }: EventDefinition): boolean {
  return schemaVersion === 0;
}

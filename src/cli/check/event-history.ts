import { isDeepStrictEqual } from 'node:util';
import type { DataSchema } from '../../kernel/define/data-schema.ts';
import type { EventTypes } from '../../kernel/define/event.ts';

/** The shapes of all events, by their names and schema versions, as they are committed. */
export type EventHistory = Readonly<Record<string, Readonly<Record<string, DataSchema>>>>;

/** The differences between the events of the code and the committed ones. */
export interface EventDifference {
  readonly event: string;
  readonly version: number;
  /**
   * - `new`: the event, or this version of it, is not committed yet.
   * - `extended`: the version has more optional fields than before. Old data can be read, and old code reads new data.
   * - `changed`: the version has another shape than before, so that stored data of it may be unreadable.
   * - `lowered`: a later version is committed, which the code does not have.
   * - `removed`: the code does not define the event.
   */
  readonly kind: 'new' | 'extended' | 'changed' | 'lowered' | 'removed';
  /** Where the shape of a changed version differs: names of fields, joined by dots. */
  readonly fields: readonly string[];
}

/** The differences between the committed events and those of the code. */
export function compareEvents(committed: EventHistory, events: EventTypes): EventDifference[] {
  const known = Object.entries(events).flatMap(([event, { schemaVersion: version, dataSchema }]): EventDifference[] => {
    const versions = committed[event] ?? {};
    const newest = Math.max(0, ...Object.keys(versions).map(Number));
    if (newest > version) return [{ event, version: newest, kind: 'lowered', fields: [] }];
    const before = versions[version];
    if (!before) return [{ event, version, kind: 'new', fields: [] }];
    if (isDeepStrictEqual(before, dataSchema)) return [];
    const kind = isExtension(before, dataSchema) ? 'extended' : 'changed';
    return [{ event, version, kind, fields: fieldsThatDiffer(before, dataSchema) }];
  });
  const removed = Object.entries(committed).flatMap(([event, versions]): EventDifference[] => {
    if (Object.hasOwn(events, event)) return [];
    return [{ event, version: Math.max(...Object.keys(versions).map(Number)), kind: 'removed', fields: [] }];
  });
  return [...known, ...removed];
}

/**
 * The history to commit: that of the code, and the committed earlier versions.
 * @param isReleased true if events of the committed versions may be stored. Then a changed version stays as it is
 *   committed.
 */
export function renewedHistory(committed: EventHistory, events: EventTypes, isReleased: boolean): EventHistory {
  const isLost = new Set(
    compareEvents(committed, events)
      .filter(({ kind }) => kind !== 'new' && kind !== 'extended')
      .map(({ event }) => event),
  );
  const kept = Object.entries(committed).filter(([event]) => isLost.has(event) && isReleased);
  const own = Object.entries(events)
    .filter(([event]) => !isLost.has(event) || !isReleased)
    .map(([event, { schemaVersion, dataSchema }]) => {
      const former = Object.entries(committed[event] ?? {}).filter(([version]) => Number(version) < schemaVersion);
      return [event, { ...Object.fromEntries(former), [schemaVersion]: dataSchema }] as const;
    });
  return Object.fromEntries([...kept, ...own].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** True if the only difference is that there are more optional fields, at any depth. */
function isExtension(before: unknown, after: unknown): boolean {
  if (isDeepStrictEqual(before, after)) return true;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((part, nth) => isExtension(part, after[nth]));
  }
  if (!isRecord(before) || !isRecord(after)) return false;
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keywords].every((keyword) =>
    keyword === 'properties' && isRecord(before.properties) && isRecord(after.properties)
      ? hasMoreFields(before.properties, after.properties)
      : isExtension(before[keyword], after[keyword]),
  );
}

/** The keyword `required` decides which of them are optional. */
function hasMoreFields(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(before).every(([name, schema]) => isExtension(schema, after[name]));
}

/** Fields whose own shape, or presence, differs. */
function fieldsThatDiffer(before: unknown, after: unknown, path = ''): string[] {
  const [former, now] = [fieldsOf(before), fieldsOf(after)];
  if (!former || !now) return isDeepStrictEqual(before, after) ? [] : [path];
  const names = [...new Set([...Object.keys(former), ...Object.keys(now)])];
  const inside = names.flatMap((name) =>
    fieldsThatDiffer(former[name], now[name], path === '' ? name : `${path}.${name}`),
  );
  const [wasRequired, isRequired] = [requiredIn(before), requiredIn(after)];
  const turned = names.filter(
    (name) => name in former && name in now && wasRequired.has(name) !== isRequired.has(name),
  );
  return [...new Set([...inside, ...turned.map((name) => (path === '' ? name : `${path}.${name}`))])];
}

function fieldsOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  return isRecord(schema) && isRecord(schema.properties) ? schema.properties : undefined;
}

function requiredIn(schema: unknown): ReadonlySet<unknown> {
  return new Set(isRecord(schema) && Array.isArray(schema.required) ? schema.required : []);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { subjectOf as canonicalId } from '../access/actor.ts';
import { DefinitionError } from '../definition-error.ts';

/** The person whom data is about, as `person/ID`. */
export type Subject = `${string}/${string}`;

/** A kind of person: call it with an id to name one. Kinds that can be one person have the same name and ids. */
export interface SubjectType {
  (id: string): Subject;
  readonly subjectType: string;
}

/** What the log will store of an event beside its data. */
export interface EventOrigin {
  readonly streamId: string;
  /** Whose command it was. */
  readonly actor: { readonly id: string; readonly roles: readonly string[] };
}

/** Whom an event is about; nothing if nobody is known. */
export type SubjectOf<Data> = (data: Data, origin: EventOrigin) => Subject | null | undefined;

/** Maximum length of a kind of person, or of an aggregate that stands for one, in UTF-16 units. */
const MAX_SUBJECT_TYPE = 200;
/** Maximum length of the id of a subject, in UTF-16 units. It is indexed. */
export const MAX_SUBJECT_ID = 200;
/** Stands for a text that was erased. */
export const ERASED = '[erased]';

/**
 * Defines a kind of person whom events can be about: `const person = defineSubject('person')`. Whoever wants to be forgotten is
 * named by it: `subjects erase person/ID`.
 *
 * @param type lower-case letters, digits and hyphens, at most 200. It is stored with the events, and can never change.
 * @throws {DefinitionError} NAME_MALFORMED
 */
export function defineSubject(type: string): SubjectType {
  if (!/^[a-z][a-z0-9-]*$/.test(type) || type.length > MAX_SUBJECT_TYPE) {
    const sentence = `The subject is called ${JSON.stringify(type)}; use lower-case letters, digits and hyphens, at most ${MAX_SUBJECT_TYPE}, and begin with a letter.`;
    throw new DefinitionError('NAME_MALFORMED', { subject: type }, sentence);
  }
  return Object.assign((id: string): Subject => `${type}/${id}`, { subjectType: type });
}

/**
 * The subject, if data can be stored under it: it has an id, of at most {@link MAX_SUBJECT_ID} characters that Postgres can store.
 * An id that was erased does not name anybody. UUIDs are in lower case, as ids in the log are. `parseSubject` has the same rule, so
 * that whatever data is stored under can be erased.
 */
export function somebody(subject: string | null | undefined): Subject | undefined {
  if (!subject) return undefined;
  const slash = subject.indexOf('/');
  const id = subject.slice(slash + 1);
  const isStorable = id.length <= MAX_SUBJECT_ID && subject.isWellFormed() && !subject.includes('\0');
  if (slash < 1 || slash > MAX_SUBJECT_TYPE || id === '' || !isStorable || id.includes(ERASED)) return undefined;
  return `${subject.slice(0, slash)}/${canonicalId(id)}`;
}

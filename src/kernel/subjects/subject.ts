import { subjectOf as canonicalId } from '../define/access/actor.ts';
import type { Subject } from '../define/personal/subject.ts';

/** Maximum length of a subject as text, in UTF-16 units. */
const MAX_SUBJECT = 300;

/** A text does not name a subject. */
export class SubjectMalformedError extends Error {
  readonly code = 'SUBJECT_MALFORMED';

  constructor(text: string) {
    super(`"${text.slice(0, 100)}" does not name a subject. Write its type and its id, such as person/0197f3a2-….`);
    this.name = 'SubjectMalformedError';
  }
}

/**
 * Reads `type/id`. A UUID is converted to lower case, as ids in the log are.
 * @throws {SubjectMalformedError}
 */
export function parseSubject(text: string): Subject {
  const [, type, id] = /^([A-Za-z][\w-]*)\/(\S+)$/u.exec(text) ?? [];
  if (
    type === undefined ||
    id === undefined ||
    text.length > MAX_SUBJECT ||
    !text.isWellFormed() ||
    text.includes('\0')
  )
    throw new SubjectMalformedError(text);
  return `${type}/${canonicalId(id)}`;
}

export function idOf(subject: Subject): string {
  return subject.slice(subject.indexOf('/') + 1);
}

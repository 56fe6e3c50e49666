import { type Subject, somebody } from '../define/personal/subject.ts';

/** A text does not name a subject. */
export class SubjectMalformedError extends Error {
  readonly code = 'SUBJECT_MALFORMED';

  constructor(text: string) {
    super(`"${text.slice(0, 100)}" does not name a subject. Write its type and its id, such as person/0197f3a2-….`);
    this.name = 'SubjectMalformedError';
  }
}

/**
 * Reads `type/id`: every text under which data can be stored. A UUID is converted to lower case, as ids in the log are.
 * @throws {SubjectMalformedError}
 */
export function parseSubject(text: string): Subject {
  const subject = somebody(text);
  if (subject === undefined) throw new SubjectMalformedError(text);
  return subject;
}

export function idOf(subject: Subject): string {
  return subject.slice(subject.indexOf('/') + 1);
}

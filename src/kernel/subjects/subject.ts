import { subjectOf as canonicalId } from '../define/access/actor.ts';

/** Whom personal data is about: the type and the id of a subject. Written as `person/0197…`. */
export interface NamedSubject {
  readonly type: string;
  readonly id: string;
}

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
export function parseSubject(text: string): NamedSubject {
  const [, type, id] = /^([A-Za-z][\w-]*)\/(\S+)$/u.exec(text) ?? [];
  if (
    type === undefined ||
    id === undefined ||
    text.length > MAX_SUBJECT ||
    !text.isWellFormed() ||
    text.includes('\0')
  )
    throw new SubjectMalformedError(text);
  return { type, id: canonicalId(id) };
}

export function subjectText({ type, id }: NamedSubject): string {
  return `${type}/${id}`;
}

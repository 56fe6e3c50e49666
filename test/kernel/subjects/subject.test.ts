import { describe, expect, it } from 'vitest';
import { defineSubject, somebody } from '../../../src/kernel/define/personal/subject.ts';
import { parseSubject } from '../../../src/kernel/subjects/subject.ts';
import { fc } from '../../support/properties.ts';

const person = defineSubject('person');

describe('the name of a subject', () => {
  it('can be given to erase them whenever data can be stored under it', () => {
    const ids = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('Ada Lovelace', 'a\nb', ' ', '\u2028', 'a/b'));
    fc.assert(
      fc.property(ids, (id) => {
        const subject = somebody(person(id));
        fc.pre(subject !== undefined);
        expect(parseSubject(person(id))).toBe(subject);
      }),
    );
  });

  it('is refused under which no data can be stored', () => {
    for (const text of ['ada', '/ada', 'person/', 'person/\0', 'person/\ud800', `person/${'x'.repeat(201)}`])
      expect(() => parseSubject(text)).toThrow(expect.objectContaining({ code: 'SUBJECT_MALFORMED' }));
    expect(() => defineSubject('x'.repeat(201))).toThrow(expect.objectContaining({ code: 'NAME_MALFORMED' }));
  });
});

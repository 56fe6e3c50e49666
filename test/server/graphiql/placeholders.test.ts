import { describe, expect, it } from 'vitest';
import { Placeholders } from '../../../src/server/graphiql/placeholders.js';

/** Ids that count up: `id 1`, `id 2`, … */
const counting = () => {
  let made = 0;
  return () => `id ${++made}`;
};

describe('a placeholder in the variables of a document', () => {
  it('stands for a new id, which is the same wherever it is in them, and for itself in later documents', () => {
    const placeholders = new Placeholders({}, counting());
    const placed = { id: '{{new order}}', items: [{ of: '{{order}}' }, { of: '{{new item}}' }], note: null, amount: 3 };
    expect(placeholders.fill(placed)).toEqual({
      ...{ id: 'id 1', items: [{ of: 'id 1' }, { of: 'id 2' }], note: null, amount: 3 },
    });
    expect(placeholders.fill({ id: '{{order}}' })).toEqual({ id: 'id 1' });
    expect(placeholders.fill({ id: '{{new order}}' })).toEqual({ id: 'id 3' });
    expect(placeholders.fill({ id: '{{order}}' })).toEqual({ id: 'id 3' });
  });

  it('stands for the token of the last command', () => {
    const placeholders = new Placeholders({}, counting());
    placeholders.sawToken('first');
    placeholders.sawToken('second');
    expect(placeholders.fill({ after: '{{token}}' })).toEqual({ after: 'second' });
  });

  it('keeps its meaning when the page is opened again', () => {
    const before = new Placeholders({}, counting());
    before.fill({ id: '{{new order}}' });
    const after = new Placeholders(JSON.parse(JSON.stringify(before.known)), counting());
    expect(after.fill({ id: '{{order}}' })).toEqual({ id: 'id 1' });
  });

  it('of which nothing is known yet is named in an error, and makes nothing known', () => {
    const placeholders = new Placeholders({}, counting());
    expect(() => placeholders.fill({ id: '{{new order}}', after: '{{token}}' })).toThrow(
      'Nothing is known of {{token}} yet: first play the documents before this one.',
    );
    expect(placeholders.known).toEqual({});
  });

  it('is a whole text: others stay as they are', () => {
    const texts = { a: 'of {{order}}', b: '{{ order }}', c: '{order}', d: '{{new order}}s' };
    expect(new Placeholders({}, counting()).fill(texts)).toEqual(texts);
  });
});

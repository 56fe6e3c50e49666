import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { nonPersonal, personal } from '../../../src/kernel/define/personal/personal.ts';
import { personalPartsOf } from '../../../src/kernel/define/personal/personal-parts.ts';
import { maskParts } from '../../../src/kernel/privacy/sealed-data.ts';

/** The data as it is once it is erased. */
const erased = (schema: z.ZodType, data: unknown) => {
  const parts = personalPartsOf(schema);
  expect(parts.unerasable).toEqual([]);
  const left = maskParts(data, parts.find(data));
  expect(schema.safeParse(left).error).toBeUndefined();
  return left;
};
const placesIn = (schema: z.ZodType, data: unknown, isInput = false) =>
  personalPartsOf(schema, isInput)
    .find(data)
    .map(({ at }) => at);

describe('personal parts', () => {
  it('become [erased] if they are texts, and keep the form of objects', () => {
    const schema = z.object({
      name: personal(z.string()),
      address: personal(z.object({ street: z.string(), floor: z.int().nullable(), flat: z.string().nullish() })),
      tags: personal(z.array(z.string())),
      born: personal(z.int()).nullable(),
      count: z.int(),
    });
    const data = { name: 'Ada', address: { street: 'St James', floor: 3 }, tags: ['a'], born: 1815, count: 2 };
    expect(erased(schema, data)).toEqual({
      ...{ name: '[erased]', address: { street: '[erased]', floor: 0 }, tags: [], born: null, count: 2 },
      born: 0,
    });
  });

  it('become values of their own format', () => {
    const schema = z.object({
      email: personal(z.email()),
      page: personal(z.url()),
      id: personal(z.uuid()),
      day: personal(z.iso.date()),
      short: personal(z.string().max(6)),
      kind: personal(z.enum(['A', 'B'])),
      record: personal(z.record(z.string(), z.string())),
    });
    const data = {
      ...{ email: 'ada@example.org', page: 'https://example.org/ada', id: '0197f3a2-0000-7000-8000-000000000001' },
      ...{ day: '1815-12-10', short: 'Ada', kind: 'B', record: { Ada: 'Byron' } },
    };
    expect(JSON.stringify(erased(schema, data))).not.toMatch(/ada|byron|1815|0197/i);
  });

  it('become what their author has chosen', () => {
    const schema = z.object({ code: personal(z.string().regex(/^X\d$/), { erased: 'X0' }) });
    expect(erased(schema, { code: 'X7' })).toEqual({ code: 'X0' });
  });

  it('are told if nothing is known that could stand for them', () => {
    const schema = z.object({ code: personal(z.string().regex(/^X\d$/)) });
    expect(personalPartsOf(schema).unerasable).toEqual(['code']);
  });

  it('are found in lists, records, unions and schemas that contain themselves', () => {
    const Comment = z.object({
      body: personal(z.string()),
      get answers() {
        return z.array(Comment);
      },
    });
    const schema = z.object({
      lines: z.array(z.object({ note: personal(z.string()).nullish(), count: z.int() })),
      'a/b': z.record(z.string(), personal(z.string())),
      either: z.union([
        z.object({ kind: z.literal('a'), text: personal(z.string()) }),
        z.object({ kind: z.literal('b') }),
      ]),
      comment: Comment,
    });
    const data = {
      lines: [
        { note: null, count: 1 },
        { note: 'late', count: 2 },
      ],
      'a/b': { 'x~y': 'Ada' },
      either: { kind: 'a', text: 'Ada' },
      comment: { body: 'Hi', answers: [{ body: 'Ho', answers: [] }] },
    };
    expect(placesIn(schema, data)).toEqual([
      ...['/lines/1/note', '/a~1b/x~0y', '/either/text', '/comment/body', '/comment/answers/0/body'],
    ]);
    expect(placesIn(schema, { ...data, either: { kind: 'b' } })).not.toContain('/either/text');
  });

  it('of an input are all that could contain text and is not marked', () => {
    const schema = z.object({ id: z.guid(), reason: z.string(), code: nonPersonal(z.string()), count: z.int() });
    const data = { id: '0197f3a2-0000-7000-8000-000000000001', reason: 'ill', code: 'X', count: 3, more: 'unknown' };
    expect(placesIn(schema, data, true)).toEqual(['/reason', '/more']);
  });

  it('are none if nothing is marked', () => {
    expect(personalPartsOf(z.object({ name: z.string() })).exist).toBe(false);
  });
});

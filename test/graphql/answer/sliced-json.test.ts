import { expect, it } from 'vitest';
import { SLICE_BYTES, slicedJson } from '../../../src/graphql/answer/sliced-json.ts';
import { fc } from '../../support/properties.ts';

const textOf = async (value: unknown, turn = async () => {}) =>
  Buffer.concat(await slicedJson(value, turn)).toString('utf8');

it('is what JSON.stringify writes, whatever the value', async () => {
  // Long texts, so that most values are made of several slices.
  const long = fc.string({ unit: 'grapheme' }).map((text) => text.padEnd(SLICE_BYTES / 5, text || 'é'));
  const values = fc.oneof(
    fc.jsonValue(),
    fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        long,
        fc.jsonValue(),
        fc.constant(undefined),
        fc.date({ noInvalidDate: true }),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 8 }),
      object: fc.dictionary(fc.string(), tie('value'), { maxKeys: 8, noNullPrototype: false }),
    })).list,
  );
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      expect(await textOf(value)).toBe(JSON.stringify(value));
    }),
    { numRuns: 200 },
  );
});

it('waits for a turn before each slice, and none is much larger than it may be', async () => {
  const list = Array.from({ length: 200 }, (_, n) => ({ n, text: 'x'.repeat(SLICE_BYTES / 20) }));
  let turns = 0;
  const slices = await slicedJson({ list }, async () => {
    turns++;
  });
  expect(slices).toHaveLength(turns);
  expect(turns).toBeGreaterThan(15);
  for (const slice of slices) expect(slice.length).toBeLessThanOrEqual(SLICE_BYTES);
});

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvent, type Json } from '../../../src/kernel/define/event.ts';
import { nonPersonal, personal } from '../../../src/kernel/define/personal/personal.ts';
import { fc } from '../../support/properties.ts';

const summaryOf = <S extends z.ZodType<Json>>(data: S, value: z.output<S>) =>
  defineEvent('Happened', { data }).summary(value);

describe('the summary of an event', () => {
  it('is its data as text, without what is personal', () => {
    const data = z.object({
      id: z.uuid(),
      name: personal(z.string()),
      sku: nonPersonal(z.string()),
      price: z.object({ amount: z.int(), currency: nonPersonal(z.string()) }),
      address: personal(z.object({ city: z.string(), floor: z.int() })),
      paid: z.boolean(),
      kind: z.enum(['A', 'B']),
      at: z.iso.datetime(),
      lines: z.array(z.object({ productId: nonPersonal(z.string()), note: personal(z.string()) })),
    });
    const id = '00000000-0000-4000-8000-000000000001';
    const value = {
      ...{
        id,
        name: 'Ada',
        sku: 'T "1"',
        price: { amount: 5, currency: 'GBP' },
        address: { city: 'London', floor: 2 },
      },
      ...{ paid: false, kind: 'B' as const, at: '2026-01-01T00:00:00Z', lines: [{ productId: 'p', note: 'for Bob' }] },
    };
    expect(summaryOf(data, value)).toBe(
      `id: "${id}", sku: "T \\"1\\"", price: {amount: 5, currency: "GBP"}, paid: false, kind: "B", ` +
        'at: "2026-01-01T00:00:00Z", lines: [{productId: "p"}]',
    );
  });

  it('leaves out text that is not marked, and names it', () => {
    const event = defineEvent('Happened', {
      data: z.object({
        text: z.string(),
        trimmed: z.string().max(5).nullish(),
        lines: z.array(z.object({ more: z.string(), count: z.int() })),
        free: z.record(z.string(), z.int()),
        any: z.json(),
        either: z.union([z.string(), z.int()]),
        count: z.int(),
      }),
    });
    expect(event.unclassified).toEqual(['text', 'trimmed', 'lines[].more', 'free{}', 'any', 'either']);
    const data = { text: 'x', trimmed: 'y', lines: [{ more: 'z', count: 1 }], free: { a: 1 }, any: ['b'], either: 2 };
    expect(event.summary({ ...data, count: 3 })).toBe('lines: [{count: 1}], count: 3');
  });

  it('takes a mark that something is not personal to hold for all parts that are not marked personal', () => {
    const inner = z.object({ code: z.string(), who: personal(z.string()), tags: z.array(z.string()) });
    expect(summaryOf(z.object({ inner: nonPersonal(inner) }), { inner: { code: 'c', who: 'Ada', tags: ['t'] } })).toBe(
      'inner: {code: "c", tags: ["t"]}',
    );
    expect(
      summaryOf(z.object({ inner: personal(nonPersonal(inner)) }), { inner: { code: 'c', who: 'a', tags: [] } }),
    ).toBe('');
  });

  it('leaves out values whose parts it cannot see', () => {
    const secret = personal(z.string());
    const within = z.object({
      pair: z.tuple([secret, z.int()]),
      both: z.intersection(z.object({ a: secret }), z.object({ b: z.int() })),
      later: z.lazy(() => secret),
      piped: secret.pipe(z.enum(['Ada'])),
      either: z.union([z.object({ n: z.int() }).catchall(z.string()), z.int()]),
    });
    const event = defineEvent('Happened', { data: z.object({ within: nonPersonal(within), count: z.int() }) });
    const data = {
      pair: ['Ada', 1],
      both: { a: 'Ada', b: 1 },
      later: 'Ada',
      piped: 'Ada',
      either: { n: 1, who: 'Ada' },
    };
    expect(event.summary({ within: data, count: 3 } as never)).not.toContain('Ada');
    expect(event.unclassified).toEqual(['within.pair', 'within.both', 'within.later']);
  });

  it('is the same in whatever order the fields come back, and for null as for absent fields', () => {
    const data = z.object({
      a: z.int().nullish(),
      b: z.object({ x: z.int(), y: z.int() }),
      c: nonPersonal(z.record(z.string(), z.int())),
    });
    expect(summaryOf(data, { c: { q: 1, 'p, a': 2 }, b: { y: 2, x: 1 }, a: null })).toBe(
      'b: {x: 1, y: 2}, c: {"p, a": 2, q: 1}',
    );
    expect(summaryOf(data, { b: { x: 1, y: 2 }, c: { 'p, a': 2, q: 1 } })).toBe(
      'b: {x: 1, y: 2}, c: {"p, a": 2, q: 1}',
    );
  });

  it('stays short, whatever there is to tell', () => {
    const lines = Array.from({ length: 1000 }, (_, n) => n);
    expect(summaryOf(z.object({ lines: z.array(z.int()) }), { lines })).toMatch(/19, and 980 more\]$/);
    const long = summaryOf(z.object({ text: nonPersonal(z.string()) }), {
      text: `${'x'.repeat(991)}${'🍵'.repeat(100)}`,
    });
    expect(long.length).toBeLessThanOrEqual(1000);
    expect(long.isWellFormed()).toBe(true);
    expect(long.endsWith('…')).toBe(true);
  });

  it('of a record with thousands of fields contains only the first ones, and stops there', () => {
    let shown = 0;
    const names = Array.from({ length: 5000 }, (_, n) => `field${n}`);
    const one = {
      get n() {
        shown++;
        return 1;
      },
    };
    const summary = summaryOf(nonPersonal(z.any()), Object.fromEntries(names.map((name) => [name, one])));
    const whole = names
      .sort()
      .map((name) => `${name}: {n: 1}`)
      .join(', ');
    expect(summary).toBe(`${whole.slice(0, 999)}…`);
    expect(shown).toBeLessThan(200);
  });

  it('is empty for an event that has nothing to tell', () => {
    expect(summaryOf(z.object({}), {})).toBe('');
    expect(summaryOf(z.object({ name: personal(z.string()) }), { name: 'Ada' })).toBe('');
  });
});

/** A part of an event's data with a value that fits it; personal texts begin with `secret`. */
interface Part {
  readonly schema: z.ZodType;
  readonly value: unknown;
}
const SECRET = fc.nat().map((n) => `secret-${n}`);
const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.integer().map((value): Part => ({ schema: z.int(), value })),
    fc.string().map((value): Part => ({ schema: nonPersonal(z.string()), value })),
    SECRET.map((value): Part => ({ schema: personal(z.string()), value })),
    SECRET.map((value): Part => ({ schema: z.string(), value })),
    SECRET.map((value): Part => ({ schema: personal(z.string()).min(1).nullish(), value })),
    SECRET.map((value): Part => ({ schema: nonPersonal(z.union([z.int(), personal(z.string())])), value })),
    SECRET.map((value): Part => ({ schema: z.record(z.string(), z.int()), value: { [value]: 1 } })),
    fc.array(tie('part'), { maxLength: 3 }).map(
      (parts): Part => ({
        schema: z.object(Object.fromEntries(parts.map(({ schema }, n) => [`f${n}`, schema]))),
        value: Object.fromEntries(parts.map(({ value }, n) => [`f${n}`, value])),
      }),
    ),
    tie('part').map(({ schema, value }): Part => ({ schema: z.array(schema), value: [value, value] })),
    tie('part').map(({ schema, value }): Part => ({ schema: schema.readonly().optional(), value })),
    tie('part').map(
      ({ schema, value }): Part => ({ schema: personal(z.object({ schema })), value: { schema: value } }),
    ),
  ),
}));

it('no personal text is in a summary, whatever the data is made of', () => {
  fc.assert(
    fc.property(part, ({ schema, value }) => {
      expect(schema.safeParse(value).success).toBe(true);
      const summary = summaryOf(schema as z.ZodType<Json>, value as Json);
      expect(summary).not.toContain('secret');
      expect(summaryOf(schema as z.ZodType<Json>, JSON.parse(JSON.stringify(value)))).toBe(summary);
    }),
    { numRuns: 500 },
  );
});

import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { personalMark } from './personal.ts';
import type { AnySchema } from './stand-in.ts';

/** Two data of one event that differ in its personal parts, and in nothing else. */
export type SamplePair = readonly [unknown, unknown];

/** The number of pairs: as many options of a union, or values of an enumeration, are tried. */
const PAIRS = 8;
/** Schemas may contain themselves. */
const MAX_DEPTH = 8;

/**
 * Data that a schema describes, made up, in pairs that show where personal data gets to: whatever a pure function makes of one in another
 * way than of the other contains it. Data need not satisfy rules that a schema only checks.
 */
export function samplePairs(schema: z.ZodType): SamplePair[] {
  const pairs = Array.from({ length: PAIRS }, (_, nth): SamplePair => [made(schema, nth, 0), made(schema, nth, 1)]);
  return pairs.filter((pair, nth) => pairs.findIndex((other) => isDeepStrictEqual(pair, other)) === nth);
}

function made(schema: z.ZodType, nth: number, variant: 0 | 1): unknown {
  const raw = new MadeUpData(nth, variant).of(schema, false, 0);
  const parsed = schema.safeParse(raw);
  return parsed.success ? parsed.data : raw;
}

const TEXTS: Readonly<Record<string, readonly [string, string]>> = {
  uuid: ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'],
  guid: ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'],
  email: ['one@one.example', 'two@two.example'],
  url: ['https://one.example/one', 'https://two.example/two'],
  datetime: ['2001-01-01T00:00:00.000Z', '2002-02-02T00:00:00.000Z'],
  date: ['2001-01-01', '2002-02-02'],
  time: ['01:01:01', '02:02:02'],
  duration: ['P1D', 'P2D'],
};

class MadeUpData {
  readonly #nth: number;
  readonly #variant: 0 | 1;

  constructor(nth: number, variant: 0 | 1) {
    this.#nth = nth;
    this.#variant = variant;
  }

  of(schema: AnySchema, isInside: boolean, depth: number): unknown {
    const isPersonal = personalMark(schema)?.personal ?? isInside;
    const { def } = (schema as z.core.$ZodTypes)._zod;
    const inner = (part: AnySchema) => this.of(part, isPersonal, depth + 1);
    switch (def.type) {
      case 'optional':
      case 'nullable':
        return depth > MAX_DEPTH ? undefined : inner(def.innerType);
      case 'nonoptional':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
        return inner(def.innerType);
      case 'pipe':
        return inner(def.in);
      case 'object':
        return Object.fromEntries(Object.entries(def.shape).map(([name, part]) => [name, inner(part)]));
      case 'array':
        return depth > MAX_DEPTH ? [] : [inner(def.element)];
      case 'tuple':
        return def.items.map(inner);
      case 'record':
        return depth > MAX_DEPTH ? {} : { [String(inner(def.keyType))]: inner(def.valueType) };
      case 'intersection':
        return merged(inner(def.left), inner(def.right));
      case 'union':
        return inner(this.#chosen(def.options));
      case 'lazy':
        return depth > MAX_DEPTH ? undefined : inner(def.getter());
      case 'null':
        return null;
      case 'undefined':
        return undefined;
      case 'literal':
        return this.#chosen(def.values);
      case 'enum':
        return isPersonal ? Object.values(def.entries).at(-this.#variant) : this.#chosen(Object.values(def.entries));
      case 'number':
        return this.#one(isPersonal, 3, 7);
      case 'bigint':
        return this.#one(isPersonal, 3n, 7n);
      case 'boolean':
        return this.#one(isPersonal, this.#nth % 2 === 0, this.#nth % 2 !== 0);
      case 'date':
        return this.#one(isPersonal, new Date('2001-01-01'), new Date('2002-02-02'));
      default: {
        const [one, other] = TEXTS[('format' in def && String(def.format)) || ''] ?? ['one', 'two'];
        return this.#one(isPersonal, one, other);
      }
    }
  }

  #one<T>(isPersonal: boolean, one: T, other: T): T {
    return isPersonal && this.#variant === 1 ? other : one;
  }

  #chosen<T>(options: readonly T[]): T {
    return options[this.#nth % options.length] as T;
  }
}

function merged(left: unknown, right: unknown): unknown {
  const areObjects = typeof left === 'object' && typeof right === 'object';
  return areObjects ? { ...left, ...right } : right;
}

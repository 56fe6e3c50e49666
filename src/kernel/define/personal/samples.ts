import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { personalMark } from './personal.ts';
import type { AnySchema } from './stand-in.ts';

/** Two data of one event that differ in its personal parts, and in nothing else. */
export type SamplePair = readonly [unknown, unknown];

/** Maximum number of pairs that take one alternative each, and then of combinations. */
const MAX_SINGLE = 96;
const MAX_COMBINED = 128;
/** Schemas may contain themselves. */
const MAX_DEPTH = 8;

/** The number of the alternative that is taken at each place in the data that has several. A place that is missing takes the first. */
type Plan = ReadonlyMap<string, number>;

/**
 * Data that a schema describes, made up, in pairs that show where personal data gets to: whatever a pure function makes of one in another
 * way than of the other contains it. Data need not satisfy rules that a schema only checks.
 *
 * The first pair has values everywhere. Then each alternative is taken once (each option and value of an enumeration, null, absent, an
 * empty list, both booleans, 0, the empty text), and then combinations of them.
 */
export function samplePairs(schema: z.ZodType): SamplePair[] {
  const pairs: SamplePair[] = [];
  const choices = new Map<string, number>();
  /** @returns plans with the alternatives that were not known before. */
  const make = (plan: Plan): Plan[] => {
    const { pair, isValid, choices: found } = madePair(schema, plan);
    // The schema refuses such a number or text, so that no event has it.
    if (!isValid && [...plan].some(([place, nth]) => nth > 0 && place.endsWith(LEAF))) return [];
    if (!pairs.some((other) => isDeepStrictEqual(other, pair))) pairs.push(pair);
    const fresh = [...found].filter(([place]) => !choices.has(place));
    for (const [place, count] of fresh) choices.set(place, count);
    return fresh.flatMap(([place, count]) =>
      Array.from({ length: count - 1 }, (_, nth) => new Map([...plan, [place, nth + 1]])),
    );
  };
  for (let plans: Plan[] = [new Map()]; plans.length > 0 && pairs.length < MAX_SINGLE; ) {
    const next = plans.slice(0, MAX_SINGLE).flatMap(make);
    // Each place gets its second alternative before one gets its third.
    plans = next.sort((a, b) => highest(a) - highest(b));
  }
  const random = repeatable();
  for (let nth = 0; nth < MAX_COMBINED && choices.size > 1; nth++) {
    // Empty texts and zeros hide what others show, so they are seldom.
    const isLeafFirst = (place: string) => place.endsWith(LEAF) && random() < 0.75;
    make(new Map([...choices].map(([place, count]) => [place, isLeafFirst(place) ? 0 : Math.floor(random() * count)])));
  }
  return pairs;
}

/** The same numbers from 0 to 1 each time, so that a check has the same result each time. */
function repeatable(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Made-up values of a personal part: two that differ. */
export function samplesOf(schema: AnySchema): SamplePair {
  const [one, other] = [0, 1].map((variant) => {
    const raw = new MadeUpData(new Map(), variant as 0 | 1).of(schema, true, 0, '');
    const parsed = (schema as z.ZodType).safeParse(raw);
    return parsed.success ? parsed.data : raw;
  });
  return [one, other];
}

interface MadePair {
  readonly pair: SamplePair;
  readonly isValid: boolean;
  /** The places that have alternatives, with their number. */
  readonly choices: ReadonlyMap<string, number>;
}

function madePair(schema: z.ZodType, plan: Plan): MadePair {
  const [one, other] = [new MadeUpData(plan, 0), new MadeUpData(plan, 1)];
  const raw = [one, other].map((made) => made.of(schema, false, 0, ''));
  const parsed = raw.map((data) => schema.safeParse(data));
  const [first, second] = parsed.map(({ success, data }, nth) => (success ? data : raw[nth]));
  const isValid = parsed.every(({ success }) => success);
  return { pair: [first, second], isValid, choices: new Map([...one.choices, ...other.choices]) };
}

function highest(plan: Plan): number {
  return Math.max(...plan.values());
}

/** The end of the place of a number or text. */
const LEAF = '~';

/** They differ in their length, in their beginning and their end, and in the number that they contain. */
const ANY_TEXT = ['One 1', 'two twos 222'] as const;
const TEXTS: Readonly<Record<string, readonly [string, string]>> = {
  uuid: ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'],
  guid: ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'],
  email: ['one@one.example', 'two.twos@two.example'],
  url: ['https://one.example/one', 'https://two.example/two/2'],
  datetime: ['2001-01-01T00:00:00.000Z', '2012-12-12T12:12:12.000Z'],
  date: ['2001-01-01', '2012-12-12'],
  time: ['01:01:01', '12:12:12'],
  duration: ['P1D', 'P2D'],
};

class MadeUpData {
  readonly choices = new Map<string, number>();
  readonly #plan: Plan;
  readonly #variant: 0 | 1;

  constructor(plan: Plan, variant: 0 | 1) {
    this.#plan = plan;
    this.#variant = variant;
  }

  /** @param place where the value is in the data. */
  of(schema: AnySchema, isInside: boolean, depth: number, place: string): unknown {
    const isPersonal = personalMark(schema)?.personal ?? isInside;
    const { def } = (schema as z.core.$ZodTypes)._zod;
    const inner = (part: AnySchema, step = '') => this.of(part, isPersonal, depth + 1, place + step);
    const isDeep = depth > MAX_DEPTH;
    switch (def.type) {
      case 'optional':
        return isDeep || this.#nth(`${place}?`, 2) === 1 ? undefined : inner(def.innerType);
      case 'nullable':
        return isDeep || this.#nth(`${place}0`, 2) === 1 ? null : inner(def.innerType);
      case 'nonoptional':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
        return inner(def.innerType);
      case 'pipe':
        return inner(def.in);
      case 'object':
        return Object.fromEntries(Object.entries(def.shape).map(([name, part]) => [name, inner(part, `/${name}`)]));
      case 'array': {
        const length = [1, 0, 2][isDeep ? 1 : this.#nth(`${place}#`, 3)] as number;
        return Array.from({ length }, (_, nth) => inner(def.element, `/${nth}`));
      }
      case 'tuple':
        return def.items.map((item, nth) => inner(item, `/${nth}`));
      case 'record':
        if (isDeep || this.#nth(`${place}#`, 2) === 1) return {};
        return { [String(inner(def.keyType, '/*'))]: inner(def.valueType, '/') };
      case 'intersection':
        return merged(inner(def.left), inner(def.right));
      case 'union':
        return inner(this.#chosen(`${place}|`, def.options, isPersonal));
      case 'lazy':
        return isDeep ? undefined : inner(def.getter());
      case 'null':
        return null;
      case 'undefined':
        return undefined;
      case 'literal':
        return this.#chosen(`${place}=`, def.values, isPersonal);
      case 'enum':
        return this.#chosen(`${place}=`, Object.values(def.entries), isPersonal);
      case 'number':
        return this.#one(place, isPersonal, [3, 70], [3, 0, 1_000_000]);
      case 'bigint':
        return this.#one(place, isPersonal, [3n, 70n], [3n, 0n, 1_000_000n]);
      case 'boolean':
        return this.#one(place, isPersonal, [true, false], [true, false]);
      case 'date':
        return this.#one(place, isPersonal, [new Date('2001-01-01'), new Date('2012-12-12')], [new Date('2001-01-01')]);
      default: {
        const format = TEXTS[('format' in def && String(def.format)) || ''];
        const texts = format ?? ANY_TEXT;
        if (isPersonal && !format && this.#nth(place + LEAF, 2) === 1) return '';
        return this.#one(place, isPersonal, texts, format ? [texts[0]] : [texts[0], '']);
      }
    }
  }

  /** @param pair what a personal part is in the two data. @param others what another part may be, the same in both. */
  #one<T>(place: string, isPersonal: boolean, pair: readonly [T, T], others: readonly T[]): T {
    return isPersonal ? pair[this.#variant] : (others[this.#nth(place + LEAF, others.length)] as T);
  }

  /** One of several options. In a personal part, it may itself be what the data differ in. */
  #chosen<T>(place: string, options: readonly T[], isPersonal: boolean): T {
    const { length } = options;
    if (!isPersonal) return options[this.#nth(place, length)] as T;
    // First two different options, each in its turn beside the first one, and then the same in both data.
    const nth = this.#nth(place, Math.max(1, 2 * length - 1));
    if (nth < length - 1) return options[this.#variant === 0 ? 0 : nth + 1] as T;
    return options[nth - (length - 1)] as T;
  }

  #nth(place: string, count: number): number {
    this.choices.set(place, count);
    return this.#plan.get(place) ?? 0;
  }
}

function merged(left: unknown, right: unknown): unknown {
  const areObjects = typeof left === 'object' && typeof right === 'object';
  return areObjects ? { ...left, ...right } : right;
}

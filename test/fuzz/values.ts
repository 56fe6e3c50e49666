import {
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import type { Random } from '../support/random.ts';

/** A value as JSON, for a variable or a literal. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

/** The ingredients of valid values. */
export interface Known {
  /** Ids of things that exist. */
  readonly ids: readonly string[];
  /** Consistency tokens that the server has given out. */
  readonly tokens: readonly string[];
  /** Cursors of lists that the server has given out. */
  readonly cursors: readonly string[];
}

const HOSTILE_TEXTS = [
  ...[
    '',
    ' ',
    '\t\r\n',
    'a\0b',
    'a\ud800b',
    '\udfff',
    '\u202e\u2066drawkcab',
    '\u200b',
    'e\u0301'.repeat(50),
    '\ufeff',
  ],
  ...['__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', '-0', '1e999', '0x10'],
  ...["'; drop table es.events; --", '%_\\', '{{7*7}}', '../../etc/passwd', '<script>alert(1)</script>'],
  ...['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '{0}', '=1+1', '\u001b[2J'],
  ...['x'.repeat(256), 'x'.repeat(10_000), '\u0001'.repeat(5_000), '🦀'.repeat(3_000), '"'.repeat(2_000)],
  ...['9999-12-31T23:59:59.999Z', '0001-01-01T00:00:00Z', '-271821-04-20T00:00:00Z', '2024-02-30T00:00:00Z', 'P1D'],
];
const HOSTILE_NUMBERS = [
  ...[0, -0, -1, 1.5, 0.1 + 0.2, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 2 ** 53 - 1, -(2 ** 53)],
  ...[Number.MAX_VALUE, Number.MIN_VALUE, 1e21, 123456789012345680000],
];

/** Makes input values, most of them of the right type, some of them meant to do harm. */
export class Values {
  readonly #random: Random;
  readonly #known: Known;

  constructor(random: Random, known: Known) {
    this.#random = random;
    this.#known = known;
  }

  /** @param hostility the share of values that are wrong or extreme, from 0 to 1. */
  of(type: GraphQLInputType, hostility: number, depth = 0): Value {
    const random = this.#random;
    if (random.chance(hostility)) return this.hostile();
    if (!isNonNullType(type) && random.chance(0.05)) return null;
    const inner = getNullableType(type);
    if (isListType(inner)) {
      if (depth > 4) return [];
      return Array.from({ length: random.between(0, 3) }, () => this.of(inner.ofType, hostility, depth + 1));
    }
    if (isInputObjectType(inner)) {
      const fields = Object.values(inner.getFields()).filter(
        ({ type: of }) => (isNonNullType(of) && random.chance(0.98)) || (depth < 4 && random.chance(0.5)),
      );
      return Object.fromEntries(fields.map(({ name, type: of }) => [name, this.of(of, hostility, depth + 1)]));
    }
    if (isEnumType(inner)) return random.pick(inner.getValues()).name;
    return this.#scalar(inner.name);
  }

  /** Something that nobody would expect there. */
  hostile(depth = 0): Value {
    const random = this.#random;
    const kind = random.weighted({
      text: 8,
      number: 4,
      list: depth < 3 ? 1 : 0,
      object: depth < 3 ? 1 : 0,
      word: 2,
      many: 0.3,
    });
    switch (kind) {
      case 'text':
        return random.pick(HOSTILE_TEXTS);
      case 'number':
        return random.pick(HOSTILE_NUMBERS);
      case 'list':
        return Array.from({ length: random.between(0, 4) }, () => this.hostile(depth + 1));
      case 'object':
        return { [random.pick(HOSTILE_TEXTS)]: this.hostile(depth + 1), id: this.hostile(depth + 1) };
      case 'many':
        return Array.from({ length: random.between(100, 3_000) }, () => random.pick(['PLACED', 1, null, 'a']));
      default:
        return random.pick([true, false, null]);
    }
  }

  #scalar(name: string): Value {
    const random = this.#random;
    switch (name) {
      case 'ID':
        return random.pick(this.#known.ids);
      case 'ConsistencyToken':
        return random.pick(this.#known.tokens);
      case 'Int':
      case 'SafeInt':
        return random.between(1, 20);
      case 'Float':
        return random.next();
      case 'Boolean':
        return random.chance(0.5);
      case 'DateTime':
        return new Date(
          Date.UTC(2020 + random.between(0, 10), random.between(0, 11), random.between(1, 28)),
        ).toISOString();
      default:
        return random.pick([
          ...this.#known.ids,
          ...this.#known.cursors,
          'Ada',
          'teapot',
          'GBP',
          'GBP',
          'orders',
          'notes',
        ]);
    }
  }
}

/** A value as a literal of a GraphQL document; names that no literal can have are left out. */
export function literalOf(value: Value, type?: GraphQLInputType): string {
  const inner = type && getNullableType(type);
  if (isList(value)) {
    const of = isListType(inner) ? inner.ofType : undefined;
    return `[${value.map((element) => literalOf(element, of)).join(' ')}]`;
  }
  if (value !== null && typeof value === 'object') {
    const fields = isInputObjectType(inner) ? inner.getFields() : {};
    const entries = Object.entries(value).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
    return `{${entries.map(([name, of]) => `${name}: ${literalOf(of, fields[name]?.type)}`).join(' ')}}`;
  }
  if (isEnumType(inner) && typeof value === 'string' && /^[A-Za-z_]\w*$/.test(value)) return value;
  return JSON.stringify(value);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

import {
  coerceInputValue,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import type { Command } from '../kernel/define/command.ts';
import { validate } from '../kernel/write/validate.ts';

/** An input that has to be refused, and what is wrong with it. */
export interface BadInput {
  readonly what: string;
  readonly input: unknown;
}

const MEGABYTE = 1_000_000;
const WRONG_FOR_ALL = [{ nonsense: 1 }, true];
/** Text that no database can keep, or nobody can read. */
const UNSTORABLE = ['a\0b', 'a\ud800b', 'x'.repeat(MEGABYTE)];

const BAD_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  String: [...WRONG_FOR_ALL, 5, 1.5, ['a', 'b'], ...UNSTORABLE],
  ID: [
    ...[...WRONG_FOR_ALL, 5, 1.5, ['a'], '', ' ', 'nope', "'; drop table es.events; --", ...UNSTORABLE],
    ...[
      '00000000-0000-4000-8000-00000000000',
      '00000000-0000-4000-8000-0000000000000',
      '{00000000-0000-4000-8000-000000000000}',
    ],
  ],
  Int: [...WRONG_FOR_ALL, '1', 1.5, 0, -1, 1_000_001, 2 ** 31, -(2 ** 31), 1e300, 'many'],
  Float: [...WRONG_FOR_ALL, '1', -1, 1e300, 'many'],
  Boolean: [{ nonsense: 1 }, 0, 1, 'true', ['a']],
  DateTime: [...WRONG_FOR_ALL, 5, '', 'yesterday', '2026-02-30T10:00:00Z', '2026-03-02'],
  SafeInt: [...WRONG_FOR_ALL, '1', 1.5, -1, 2 ** 53, 1e300, 'many'],
};

/**
 * Everything that can be wrong with one thing at a time in an input that is good: each field missing, null, of another type
 * or of no use, at every depth; and fields that there are not.
 *
 * @param mayBeEmpty names of fields whose text may say nothing.
 */
export function badInputs(
  type: GraphQLInputObjectType,
  good: Readonly<Record<string, unknown>>,
  mayBeEmpty: readonly string[] = [],
): BadInput[] {
  const cases: BadInput[] = [null, 5, 'text', [], {}].map((input) => ({ what: `input: ${shown(input)}`, input }));
  cases.push({ what: 'a field that there is not', input: { ...good, nonsense: 1 } });
  for (const field of Object.values(type.getFields())) {
    const { [field.name]: value, ...others } = good;
    if (isNonNullType(field.type)) cases.push({ what: `${field.name} missing`, input: others });
    for (const { what, input } of badValues(field.type, value)) {
      if (mayBeEmpty.includes(field.name) && typeof input === 'string' && input.trim() === '') continue;
      cases.push({ what: `${field.name}${what}`, input: { ...good, [field.name]: input } });
    }
  }
  return cases;
}

/**
 * Those of {@link badInputs} that the API refuses in every state: because of their type, or of the command's schema.
 */
export function refusedInputs(
  type: GraphQLInputObjectType,
  command: Command,
  good: Readonly<Record<string, unknown>>,
): BadInput[] {
  return badInputs(type, good).filter(({ input }) => {
    let isRefused = false;
    const coerced = coerceInputValue(input, getNullableType(type), () => {
      isRefused = true;
    });
    return isRefused || coerced === null || 'issues' in validate(command, coerced, {});
  });
}

function badValues(type: GraphQLInputType, good: unknown): BadInput[] {
  const required = isNonNullType(type);
  const inner = getNullableType(type);
  const cases = (values: readonly unknown[]) => values.map((input) => ({ what: `: ${shown(input)}`, input }));
  const none = required ? cases([null]) : [];
  if (isListType(inner)) {
    const [first] = good as readonly unknown[];
    const elements = badValues(inner.ofType, first).map(({ what, input }) => ({ what: `[0]${what}`, input: [input] }));
    // A list that may be left out may be empty, and one text is a list of it.
    const noList = [...(required ? [[]] : []), 5, ...(isText(inner.ofType) ? [] : ['text']), {}];
    return [...none, ...cases(noList), ...elements];
  }
  if (isInputObjectType(inner)) {
    const nested = badInputs(inner, good as Readonly<Record<string, unknown>>);
    return [...none, ...nested.slice(1).map(({ what, input }) => ({ what: `.${what}`, input }))];
  }
  const blank = required && inner.name === 'String' ? ['', ' \t\n '] : [];
  return [...none, ...cases([...blank, ...(BAD_VALUES[inner.name] ?? [])])];
}

function isText(type: GraphQLInputType): boolean {
  const inner = getNullableType(type);
  return !isListType(inner) && !isInputObjectType(inner) && inner.name === 'String';
}

/** A value as a literal of a GraphQL document. */
export function literalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name}: ${literalOf(inner)}`)
    .join(', ')} }`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 20)}… (${text.length} characters)` : text;
}

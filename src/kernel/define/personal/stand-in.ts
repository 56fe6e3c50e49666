import type { z } from 'zod';
import { ERASED } from './subject.ts';

/** A schema of zod, whatever its values are. */
export type AnySchema = z.core.$ZodType;

/** What stands for the erased values of a schema. */
export interface StandIn {
  /** No value is known that the schema accepts. */
  readonly isMissing: boolean;
  of(value: unknown): unknown;
}

/** Texts of formats that {@link ERASED} does not have. They belong to nobody. */
const TEXTS = [
  ...[ERASED, 'erased@erased.invalid', 'https://erased.invalid/', '00000000-0000-0000-0000-000000000000'],
  ...['1970-01-01T00:00:00.000Z', '1970-01-01', '00:00:00', '0.0.0.0', 'erased', '0', ''],
];
/** The emptiest values first. */
const OTHERS = [[], null, 0, false, {}, 1, true];

/** Finds what stands for erased values of a schema. */
export function standIn(schema: AnySchema, chosen: unknown): StandIn {
  const accepts = (value: unknown) => (schema as z.ZodType).safeParse(value).success;
  if (chosen !== undefined) return { isMissing: !accepts(chosen), of: () => chosen };
  const usual = [...TEXTS, ...OTHERS].filter(accepts);
  // The emptiest value may be null.
  const empty = usual.length > 0 ? usual[0] : emptiest(schema);
  const hasMembers = isObjectSchema(schema);
  return {
    isMissing: !accepts(empty),
    of: (value) => {
      if (!hasMembers || !isObject(value)) return empty;
      // Code that reads it finds its members.
      const same = masked(value);
      return accepts(same) ? same : empty;
    },
  };
}

function isObjectSchema(schema: AnySchema): boolean {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'object' || ('innerType' in def && isObjectSchema(def.innerType as AnySchema));
}

/** The same value with every text erased. Numbers are 0, and lists are empty. */
function masked(value: unknown): unknown {
  if (typeof value === 'string') return ERASED;
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean') return false;
  if (Array.isArray(value)) return [];
  if (!isObject(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, masked(inner)]));
}

/** The emptiest object of a schema; anything else has been tried. */
function emptiest(schema: AnySchema): unknown {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'enum') return Object.values(def.entries)[0];
  if (def.type === 'literal') return def.values[0];
  if (def.type === 'array') return [standIn(def.element, undefined).of(null)];
  if (def.type !== 'object') return 'innerType' in def ? emptiest(def.innerType as AnySchema) : undefined;
  return Object.fromEntries(
    Object.entries(def.shape).flatMap(([name, inner]) => {
      if ((inner as z.ZodType).safeParse(undefined).success) return [];
      return [[name, standIn(inner, undefined).of(null)]];
    }),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

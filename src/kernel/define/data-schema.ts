import { z } from 'zod';

/** The shape of an event's data in the log, as JSON Schema without what says nothing of the shape. */
export type DataSchema = Readonly<Record<string, unknown>>;

/** Keywords without effect on which data fits. */
const SILENT = ['$schema', 'description', 'title', 'examples', 'deprecated', 'readOnly'];

/** Keywords whose values have no order. */
const SETS = ['required', 'enum', 'type'];

/** The shape that stored data must have for a schema to read it. Parts that JSON Schema cannot describe are left open. */
export function dataSchemaOf(schema: z.ZodType): DataSchema {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return essential(JSON.parse(JSON.stringify(described))) as DataSchema;
}

function essential(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(essential);
  if (typeof part !== 'object' || part === null) return part;
  const { format } = part as { readonly format?: unknown };
  const entries = Object.entries(part)
    .filter(([keyword]) => !SILENT.includes(keyword))
    // The pattern of a known format changes with the library.
    .filter(([keyword]) => keyword !== 'pattern' || format === undefined)
    .map(([keyword, value]) => [keyword, essentialOf(keyword, value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function essentialOf(keyword: string, value: unknown): unknown {
  if (keyword === 'properties') return named(value);
  return SETS.includes(keyword) && Array.isArray(value) ? value.toSorted() : essential(value);
}

/** The names of properties are not keywords. */
function named(properties: unknown): DataSchema {
  const entries = Object.entries(properties as DataSchema);
  return Object.fromEntries(
    entries.map(([name, schema]) => [name, essential(schema)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

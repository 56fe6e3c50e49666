import { z } from 'zod';

const marks = z.registry<Mark>();

/** What an author has said of a part. */
export interface Mark extends PersonalOptions<unknown> {
  readonly personal: boolean;
}

/** How a personal part of an event is kept. */
export interface PersonalOptions<Value> {
  /**
   * What stands for a value that was erased; it has to fit the schema. By default, texts become `[erased]`, lists are empty, and
   * anything else becomes the emptiest value that the schema accepts.
   */
  readonly erased?: Value;
  /** How long it is kept, in days since the event was recorded. Then it is erased. Forever by default. */
  readonly keepForDays?: number;
}

/**
 * Marks a part of an event's data as personal: a name, an address, whatever people write in their own words. Everything
 * in it is left out of {@link EventDefinition.summary}. If the store has a keyring, the log contains it encrypted, and it can be
 * erased: see `defineSubject`.
 */
export function personal<Schema extends z.ZodType>(
  schema: Schema,
  options: PersonalOptions<z.output<Schema>> = {},
): Schema {
  return marked(schema, { personal: true, ...options });
}

/** Undefined if its author has not said whether it is personal. */
export function personalMark(schema: z.core.$ZodType): Mark | undefined {
  return marks.get(schema as z.ZodType);
}

/** Marks a text in an event's data as not personal: an id, a code, a name that the business itself has given. */
export function nonPersonal<Schema extends z.ZodType>(schema: Schema): Schema {
  return marked(schema, { personal: false });
}

/** On a copy: the same schema may be personal in one event and not in another. */
function marked<Schema extends z.ZodType>(schema: Schema, mark: Mark): Schema {
  const copy = schema.clone();
  marks.add(copy, mark);
  return copy;
}

/** The parts of an event's data that the audit trail may show. */
export interface Disclosure {
  /** Data as text, without personal data: `sku: "TEA-1", price: {amount: 1999, currency: "GBP"}`. Deterministic. */
  summary(data: unknown): string;
  /** Paths of parts that could contain text and are not marked: they are left out as if they were personal. */
  readonly unclassified: readonly string[];
}

/** A value as text; undefined if it is left out. */
type Show = (value: unknown) => string | undefined;

/** Maximum number of elements that are shown of a list, and maximum length of a summary. */
const MAX_ELEMENTS = 20;
const MAX_LENGTH = 1000;
/** Text formats that cannot contain personal data. */
const FORMATS = ['uuid', 'guid', 'datetime', 'date', 'time', 'duration'];

/** Derives from a schema which parts of its data may be shown. */
export function disclosureOf(schema: z.ZodType): Disclosure {
  const walk = new Walk();
  const show = walk.show(schema, '', false);
  return {
    summary: (data) => {
      const text = show(data) ?? '';
      return shortened(text.startsWith('{') ? text.slice(1, -1) : text);
    },
    unclassified: walk.unclassified,
  };
}

class Walk {
  readonly unclassified: string[] = [];
  /** Number of places at which a part is left out. */
  #hidden = 0;

  /** @param isOpen true inside something that is marked as not personal. */
  show(schema: z.core.$ZodType, path: string, isOpen: boolean): Show {
    const isPersonal = marks.get(schema as z.ZodType)?.personal;
    if (isPersonal) return this.#hide();
    const open = isOpen || isPersonal === false;
    const { def } = (schema as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case 'number':
      case 'bigint':
      case 'boolean':
      case 'null':
      case 'undefined':
      case 'literal':
      case 'enum':
        return written;
      case 'string':
        return open || FORMATS.includes((def as { format?: string }).format ?? '') ? written : this.#ask(path);
      case 'optional':
      case 'nullable':
      case 'nonoptional':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
        return this.show(def.innerType, path, open);
      case 'pipe':
        return marks.get(def.in as z.ZodType)?.personal ? this.#hide() : this.show(def.out, path, open);
      case 'object':
        return this.#object(def.shape, path, open);
      case 'array':
        return list(this.show(def.element, `${path}[]`, open));
      case 'record':
        return fields(this.show(def.keyType, `${path}{}`, open), this.show(def.valueType, `${path}{}`, open));
      case 'union':
        return this.#oneOf(def.options, path, open);
      case 'any':
      case 'unknown':
      case 'date':
      case 'custom':
      case 'template_literal':
        return open ? written : this.#ask(path);
      default:
        // The inside is unknown, and may be personal: the whole must be marked.
        return this.#ask(path);
    }
  }

  #object(shape: Readonly<Record<string, z.core.$ZodType>>, path: string, open: boolean): Show {
    const shows = Object.entries(shape).map(
      ([name, schema]) => [name, this.show(schema, path === '' ? name : `${path}.${name}`, open)] as const,
    );
    return (value) => {
      const data = value as Readonly<Record<string, unknown>> | null | undefined;
      return braced(shows.map(([name, show]) => [name, data?.[name], show]));
    };
  }

  /** It is unknown which option a value has: the value is shown only if nothing is left out of any option. */
  #oneOf(options: readonly z.core.$ZodType[], path: string, open: boolean): Show {
    const before = this.#hidden;
    for (const option of options) this.show(option, path, open);
    const hasMore = options.some((option) => 'catchall' in option._zod.def && option._zod.def.catchall !== undefined);
    return this.#hidden === before && !hasMore ? written : this.#hide();
  }

  #ask(path: string): Show {
    this.unclassified.push(path === '' ? 'data' : path);
    return this.#hide();
  }

  #hide(): Show {
    this.#hidden++;
    return () => undefined;
  }
}

function list(show: Show): Show {
  return (value) => {
    const elements = value as readonly unknown[];
    const shown = elements.slice(0, MAX_ELEMENTS).flatMap((element) => present(element, show) ?? []);
    if (shown.length === 0) return undefined;
    const more = elements.length - MAX_ELEMENTS;
    return `[${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}]`;
  };
}

/** Sorted by name: the log does not keep the original order. */
function fields(showName: Show, show: Show): Show {
  return (value) => {
    const entries = Object.entries(value as object)
      .filter(([name]) => showName(name) !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // A name with special characters could be mistaken for something else.
      .map(([name, own]) => [/^\w+$/.test(name) ? name : JSON.stringify(name), own, show] as const);
    return braced(entries);
  };
}

/** Stops when the text is long enough: a record may have thousands of fields. */
function braced(entries: readonly (readonly [name: string, value: unknown, show: Show])[]): string | undefined {
  const shown: string[] = [];
  let length = 0;
  for (const [name, value, show] of entries) {
    const text = present(value, show);
    if (text === undefined) continue;
    shown.push(`${name}: ${text}`);
    length += name.length + text.length;
    if (length > MAX_LENGTH) break;
  }
  return shown.length === 0 ? undefined : `{${shown.join(', ')}}`;
}

/** Null and absent values are omitted. */
function present(value: unknown, show: Show): string | undefined {
  return value === null || value === undefined ? undefined : show(value);
}

/** Any JSON, with texts in quotes, so that none of them looks like a field. */
function written(value: unknown): string | undefined {
  if (Array.isArray(value)) return list(written)(value);
  if (typeof value === 'object' && value !== null) return fields(written, written)(value);
  return JSON.stringify(value);
}

function shortened(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  // Do not cut a surrogate pair.
  return `${text.slice(0, MAX_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

import { z } from 'zod';

const marks = z.registry<{ personal: boolean }>();

/**
 * Marks a part of an event's data as personal: a name, an address, whatever people write in their own words. It and all that is
 * in it stays out of {@link EventDefinition.summary}.
 */
export function personal<Schema extends z.ZodType>(schema: Schema): Schema {
  return marked(schema, true);
}

/** Says of a text in an event's data that it is not personal: an id, a code, a name that the business itself has given. */
export function impersonal<Schema extends z.ZodType>(schema: Schema): Schema {
  return marked(schema, false);
}

/** On a copy: the same schema may be personal in one event and not in another. */
function marked<Schema extends z.ZodType>(schema: Schema, isPersonal: boolean): Schema {
  const copy = schema.clone();
  marks.add(copy, { personal: isPersonal });
  return copy;
}

/** What of an event's data may be shown to whoever looks at what has happened. */
export interface Disclosure {
  /** Data as text, personal data left out: `sku: "TEA-1", price: {amount: 1999, currency: "GBP"}`. The same each time. */
  summary(data: unknown): string;
  /** Paths of what could hold text and does not say whether that is personal: it is left out like what is. */
  readonly unclassified: readonly string[];
}

/** A value as text; undefined where it is left out. */
type Show = (value: unknown) => string | undefined;

/** What is told of lists, and of all in all. */
const MAX_ELEMENTS = 20;
const MAX_LENGTH = 1000;
/** Formats of text in which nobody can say anything. */
const FORMATS = ['uuid', 'guid', 'datetime', 'date', 'time', 'duration'];

/** Works out from a schema what may be shown of data that fits it. */
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
  /** Places where something is left out. */
  #hidden = 0;

  /** @param isOpen it is within something that is not personal. */
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
        // What is in it is not looked at, and some of that may be personal: it has to be said of the whole.
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

  /** Which of them a value is would be a guess: it is shown where nothing of any is left out. */
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

/** In the order of their names: the log does not keep that in which they were written. */
function fields(showName: Show, show: Show): Show {
  return (value) => {
    const entries = Object.entries(value as object)
      .filter(([name]) => showName(name) !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // A name that is not plain would look like something else.
      .map(([name, own]) => [/^\w+$/.test(name) ? name : JSON.stringify(name), own, show] as const);
    return braced(entries);
  };
}

/** What would be cut off in the end is not put into words: a record may have thousands of fields. */
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

/** What is null or not there goes without saying. */
function present(value: unknown, show: Show): string | undefined {
  return value === null || value === undefined ? undefined : show(value);
}

/** Any JSON: texts in quotes, so that none of them looks like a field. */
function written(value: unknown): string | undefined {
  if (Array.isArray(value)) return list(written)(value);
  if (typeof value === 'object' && value !== null) return fields(written, written)(value);
  return JSON.stringify(value);
}

function shortened(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  // Not in the middle of a surrogate pair.
  return `${text.slice(0, MAX_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

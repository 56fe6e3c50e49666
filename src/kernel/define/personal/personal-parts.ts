import type { z } from 'zod';
import { type PersonalOptions, personalMark } from './personal.ts';
import { type SamplePair, samplePairs, samplesOf } from './samples.ts';
import { type AnySchema, standIn } from './stand-in.ts';
import { ERASED } from './subject.ts';

/** A personal part of an event's data. */
export interface PersonalPart {
  /** Its place, as a JSON pointer (RFC 6901); empty for the whole. */
  readonly at: string;
  readonly value: unknown;
  /** What stands for it once it is erased. */
  readonly erased: unknown;
  /** How long it is kept, in days; undefined for as long as its subject is not erased. */
  readonly keepForDays: number | undefined;
  /** Two made-up values that could be in its place; absent if its schema is not known. */
  readonly samples?: () => SamplePair;
}

/** The personal parts of a kind of event. */
export interface PersonalParts {
  /** False if no data of this kind has any. */
  readonly exist: boolean;
  /** Paths of parts for which no value is known that could stand for an erased one. */
  readonly unerasable: readonly string[];
  /** True if some of them are kept for a number of days only. */
  readonly areKeptForDays: boolean;
  /** Those of an event's data. Parts that are null or absent tell nothing, and are left out. */
  find(data: unknown): readonly PersonalPart[];
  /** Made-up data in pairs that differ in the personal parts alone. */
  samples(): readonly SamplePair[];
}

type FindParts = (value: unknown, at: string, found: PersonalPart[]) => void;

/**
 * Finds out from a schema where its data has personal parts.
 * @param isInput true for input of a command: then everything that could contain text counts as personal, unless it is marked as not
 *   personal.
 */
export function personalPartsOf(schema: z.ZodType, isInput = false): PersonalParts {
  const walk = new PartsWalk(isInput);
  const visit = walk.visit(schema, '');
  return {
    exist: visit !== undefined,
    unerasable: walk.unerasable,
    areKeptForDays: walk.areKeptForDays,
    find: (data) => {
      const found: PersonalPart[] = [];
      visit?.(data, '', found);
      return found;
    },
    samples: () => samplePairs(schema),
  };
}

class PartsWalk {
  readonly unerasable: string[] = [];
  areKeptForDays = false;
  readonly #isInput: boolean;
  /** Schemas that contain themselves lead here a second time. */
  readonly #visiting = new Map<AnySchema, { visit: FindParts | undefined }>();

  constructor(isInput: boolean) {
    this.#isInput = isInput;
  }

  /** @returns undefined if nothing in it is personal. */
  visit(schema: AnySchema, path: string): FindParts | undefined {
    const mark = personalMark(schema);
    if (mark?.personal) return this.#part(schema, mark, path);
    if (mark) return undefined;
    const { def } = (schema as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case 'optional':
      case 'nullable':
      case 'nonoptional':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
        return this.visit(def.innerType, path);
      case 'pipe':
        return this.visit(def.in, path) ?? this.visit(def.out, path);
      case 'object':
        return this.#recursive(schema, () => this.#object(def.shape, def.catchall, path));
      case 'array':
        return elements(this.visit(def.element, `${path}[]`));
      case 'tuple':
        return tuple(
          def.items.map((item, nth) => this.visit(item, `${path}[${nth}]`)),
          def.rest ? this.visit(def.rest, `${path}[]`) : undefined,
        );
      case 'record': {
        const key = this.visit(def.keyType, path);
        return key ? this.#part(schema, {}, path) : properties(this.visit(def.valueType, `${path}{}`));
      }
      case 'intersection':
        return both(this.visit(def.left, path), this.visit(def.right, path));
      case 'union':
        return oneOf(def.options, this.#each(def.options, path), this.#isInput ? whole : undefined);
      case 'lazy':
        return this.#recursive(schema, () => this.#lazy(schema, def.getter(), path));
      case 'number':
      case 'bigint':
      case 'boolean':
      case 'null':
      case 'undefined':
      case 'literal':
      case 'enum':
        return undefined;
      default:
        return this.#isInput && !isImpersonal(def) ? this.#part(schema, {}, path) : undefined;
    }
  }

  #part(schema: AnySchema, { erased, keepForDays }: PersonalOptions<unknown>, path: string): FindParts {
    const stand = standIn(schema, erased);
    if (keepForDays !== undefined) this.areKeptForDays = true;
    if (stand.isMissing) this.unerasable.push(path === '' ? 'data' : path);
    const samples = () => samplesOf(schema);
    return (value, at, found) => {
      if (value === null || value === undefined) return;
      found.push({ at, value, erased: stand.of(value), keepForDays, samples });
    };
  }

  #object(
    shape: Readonly<Record<string, AnySchema>>,
    catchall: AnySchema | undefined,
    path: string,
  ): FindParts | undefined {
    const visits = Object.entries(shape).flatMap(([name, schema]) => {
      const visit = this.visit(schema, path === '' ? name : `${path}.${name}`);
      return visit ? [[name, visit, pointer(name)] as const] : [];
    });
    // What the schema of an input does not know may be anything.
    const rest = this.#isInput ? whole : catchall && this.visit(catchall, `${path}{}`);
    if (visits.length === 0 && !rest) return undefined;
    return (value, at, found) => {
      if (!isObject(value)) return;
      for (const [name, visit, own] of visits) visit(value[name], at + own, found);
      if (!rest) return;
      for (const name in value) if (!Object.hasOwn(shape, name)) rest(value[name], at + pointer(name), found);
    };
  }

  #each(schemas: readonly AnySchema[], path: string): (FindParts | undefined)[] {
    return schemas.map((schema) => this.visit(schema, path));
  }

  #lazy(schema: AnySchema, inner: AnySchema, path: string): FindParts | undefined {
    return this.#isInput ? this.#part(schema, {}, path) : this.visit(inner, path);
  }

  /** What is inside itself is visited by what is made for the outermost one. */
  #recursive(schema: AnySchema, make: () => FindParts | undefined): FindParts | undefined {
    const outer = this.#visiting.get(schema);
    if (outer && !this.#isInput && !hasMark(schema, new Set())) return undefined;
    if (outer) return (value, at, found) => outer.visit?.(value, at, found);
    const own: { visit: FindParts | undefined } = { visit: undefined };
    this.#visiting.set(schema, own);
    own.visit = make();
    this.#visiting.delete(schema);
    return own.visit;
  }
}

/** True if a part of it is marked as personal. */
function hasMark(schema: AnySchema, seen: Set<AnySchema>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  if (personalMark(schema)?.personal) return true;
  const { def } = schema._zod;
  const getter = 'getter' in def ? (def.getter as () => AnySchema)() : [];
  return [...Object.values(def), getter].flat().some((part) => partsOf(part).some((inner) => hasMark(inner, seen)));
}

function partsOf(part: unknown): AnySchema[] {
  if (!isObject(part)) return [];
  if ('_zod' in part) return [part as unknown as AnySchema];
  return Object.values(part).filter((inner): inner is AnySchema => isObject(inner) && '_zod' in inner);
}

function elements(visit: FindParts | undefined): FindParts | undefined {
  if (!visit) return undefined;
  return (value, at, found) => {
    if (Array.isArray(value)) for (const [nth, element] of value.entries()) visit(element, `${at}/${nth}`, found);
  };
}

function tuple(visits: readonly (FindParts | undefined)[], rest: FindParts | undefined): FindParts | undefined {
  if (!rest && visits.every((visit) => !visit)) return undefined;
  return (value, at, found) => {
    if (!Array.isArray(value)) return;
    for (const [nth, element] of value.entries()) {
      const visit = nth < visits.length ? visits[nth] : rest;
      visit?.(element, `${at}/${nth}`, found);
    }
  };
}

function properties(visit: FindParts | undefined): FindParts | undefined {
  if (!visit) return undefined;
  return (value, at, found) => {
    if (isObject(value)) for (const name in value) visit(value[name], at + pointer(name), found);
  };
}

function both(left: FindParts | undefined, right: FindParts | undefined): FindParts | undefined {
  if (!left || !right) return left ?? right;
  return (value, at, found) => {
    left(value, at, found);
    const before = found.map((part) => part.at);
    const more: PersonalPart[] = [];
    right(value, at, more);
    // A part that both sides have is one part, and nothing in a part is a part of its own.
    found.push(...more.filter((part) => !before.some((other) => part.at === other || part.at.startsWith(`${other}/`))));
  };
}

/**
 * The parts of the first option that the value fits.
 * @param otherwise for a value that fits none.
 */
function oneOf(
  options: readonly AnySchema[],
  visits: readonly (FindParts | undefined)[],
  otherwise: FindParts | undefined,
): FindParts | undefined {
  if (visits.every((visit) => !visit)) return undefined;
  return (value, at, found) => {
    const nth = options.findIndex((option) => (option as z.ZodType).safeParse(value).success);
    const visit = nth < 0 ? otherwise : visits[nth];
    visit?.(value, at, found);
  };
}

/** All of it is one part, of an unknown schema. */
const whole: FindParts = (value, at, found) => {
  if (value === null || value === undefined) return;
  found.push({ at, value, erased: typeof value === 'string' ? ERASED : null, keepForDays: undefined });
};

/** Text formats that cannot contain personal data. */
const FORMATS = ['uuid', 'guid', 'datetime', 'date', 'time', 'duration'];

function isImpersonal({ type, format }: { readonly type: string; readonly format?: string | undefined }): boolean {
  return type === 'string' && FORMATS.includes(format ?? '');
}

/** A step of a JSON pointer. */
function pointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

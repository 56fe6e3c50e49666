import { BadUserInputError } from '../errors.ts';

/** Limits of the variables of an operation, as they were sent. */
export interface VariableLimits {
  /** Elements of a list, and fields of an object. */
  readonly listLength: number;
  /** UTF-16 units of a string. */
  readonly stringLength: number;
  /** Bytes of all variables together. */
  readonly bytes: number;
}

/** Lists and objects within each other. */
const MAX_DEPTH = 32;

/**
 * Checks variables before they are coerced, because coercion visits and copies every element for each use of its type.
 * A list that is too long is refused without visiting its elements.
 * @throws {BadUserInputError} with the place, the limit and the given size.
 */
export function checkVariables(variables: unknown, limits: VariableLimits): void {
  if (typeof variables !== 'object' || variables === null) return;
  new VariableCheck(limits).object(variables as Record<string, unknown>, '$', 0);
}

/** Total number of elements of the lists in a value. */
export function elementsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let elements = Array.isArray(value) ? value.length : 0;
  for (const inner of Object.values(value)) elements += elementsIn(inner);
  return elements;
}

class VariableCheck {
  readonly #limits: VariableLimits;
  #bytes = 0;

  constructor(limits: VariableLimits) {
    this.#limits = limits;
  }

  object(object: Record<string, unknown>, path: string, depth: number): void {
    const keys = Object.keys(object);
    const { listLength, stringLength } = this.#limits;
    if (keys.length > listLength) refuse('object', path, { limit: listLength, given: keys.length }, 'fields');
    for (const key of keys) {
      if (key.length > stringLength) refuse('name', path, { limit: stringLength, given: key.length }, 'characters');
      this.#add(key.length + 3);
      this.#value(object[key], path === '$' ? `$${key}` : `${path}.${key}`, depth);
    }
  }

  #value(value: unknown, path: string, depth: number): void {
    const { listLength, stringLength } = this.#limits;
    if (typeof value === 'string') {
      if (value.length > stringLength) {
        refuse('string', path, { limit: stringLength, given: value.length }, 'characters');
      }
      this.#add(Buffer.byteLength(value) + 2);
    } else if (typeof value === 'object' && value !== null) {
      if (depth === MAX_DEPTH) refuse('value', path, { limit: MAX_DEPTH, given: depth + 1 }, 'levels');
      if (Array.isArray(value)) {
        if (value.length > listLength) refuse('list', path, { limit: listLength, given: value.length }, 'elements');
        for (const [index, element] of value.entries()) this.#value(element, `${path}.${index}`, depth + 1);
      } else {
        this.object(value as Record<string, unknown>, path, depth + 1);
      }
    } else {
      this.#add(8);
    }
  }

  #add(bytes: number): void {
    const { bytes: limit } = this.#limits;
    this.#bytes += bytes;
    if (this.#bytes <= limit) return;
    throw new BadUserInputError(`The variables are larger than the ${limit} bytes that are allowed.`, { limit });
  }
}

/** Longest path that an error quotes. */
const MAX_PATH = 100;

function refuse(what: string, path: string, facts: { limit: number; given: number }, unit: string): never {
  const place = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
  throw new BadUserInputError(
    `The ${what} at ${place} has ${facts.given} ${unit}; at most ${facts.limit} are allowed.`,
    { path: place, ...facts },
  );
}

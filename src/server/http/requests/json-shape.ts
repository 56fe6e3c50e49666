const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'"\\,[]{}'].map((character) =>
  character.charCodeAt(0),
);

/** Levels of lists and objects. Variables have fewer, see `graphql/limits/variables.ts`. */
const MAX_LEVELS = 100;
/** A text may have as many values as this number of the longest lists together. */
const VALUES_PER_LIST = 20;

/** Limits of a JSON text. */
export interface JsonLimits {
  /** Lists and objects within each other. */
  readonly levels: number;
  /** Elements of all lists and fields of all objects together. */
  readonly values: number;
}

/** Limits of what a client sends. @param listLength that an input may have. */
export function jsonLimits(listLength: number): JsonLimits {
  return { levels: MAX_LEVELS, values: VALUES_PER_LIST * listLength };
}

/** The limit that a JSON text exceeds. */
export type JsonExcess = keyof JsonLimits;

/**
 * The limit that a JSON text exceeds, if any. Parsing deeply nested JSON takes many times as long as other JSON of its
 * length, and so do many fields. This check takes 1 to 2 ms for a megabyte, and ends at the limit. For a text that is
 * not JSON, the result has no meaning.
 */
export function excessOf(json: Uint8Array, limits: JsonLimits): JsonExcess | undefined {
  let depth = 0;
  let values = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) {
      isText = true;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      // One that is not empty has one value more than commas.
      if (++values > limits.values) return 'values';
      if (++depth > limits.levels) return 'levels';
    } else if (byte === COMMA) {
      if (++values > limits.values) return 'values';
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
  return undefined;
}

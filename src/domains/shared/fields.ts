import { z } from 'zod';
import { nonPersonal } from '../../index.ts';

/** An id in events. */
export const Id = nonPersonal(z.string());

/**
 * The id of something that exists: a UUID of any version and variant that Postgres accepts. It is converted to lower
 * case, as Postgres writes it, so that ids compare as strings.
 * @param description of the field in the API's manual.
 */
export function id(description: string) {
  return z.guid('An id must be a UUID.').toLowerCase().describe(description);
}

/** The id that a creating command may choose; if it is omitted or null, the server generates one. */
export function newId() {
  return id('').nullish().describe('A UUID of your choice; if omitted, the server generates one.');
}

/** Text with content: trimmed, not blank, at most `max` UTF-16 units. */
export function text(what: string, max: number, description: string) {
  return z
    .string()
    .trim()
    .min(1, `${what} must not be blank.`)
    .max(max, `${what} must not be longer than ${max} characters.`)
    .describe(description);
}

/** Largest quantity. */
export const MAX_QUANTITY = 1_000_000;

/** A quantity: a whole number from 1 to {@link MAX_QUANTITY}. */
export function quantity(description: string) {
  return z
    .int32('A quantity must be a whole number.')
    .min(1, 'A quantity must be at least 1.')
    .max(MAX_QUANTITY, 'A quantity must be at most 1,000,000.')
    .describe(description);
}

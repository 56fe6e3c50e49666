import { z } from 'zod';
import { impersonal } from '../../kernel/define/personal.ts';

/** An id as events hold it. */
export const Id = impersonal(z.string());

/**
 * The id of something that exists: a UUID of whatever version and variant, as Postgres takes it. Lower case, as Postgres
 * writes it, so that ids compare as strings.
 * @param description what the API's manual says of the field.
 */
export function id(description: string) {
  return z.guid('An id must be a UUID.').toLowerCase().describe(description);
}

/** The id that a creating command may choose; where it is left out or null the server makes one. */
export function newId() {
  return id('').nullish().describe('A UUID of your choice; left out, the server makes one.');
}

/** Text that must say something: trimmed, not blank, at most `max` UTF-16 units. */
export function text(what: string, max: number, description: string) {
  return z
    .string()
    .trim()
    .min(1, `${what} must not be blank.`)
    .max(max, `${what} must not be longer than ${max} characters.`)
    .describe(description);
}

/** The most that one quantity may be. */
export const MAX_QUANTITY = 1_000_000;

/** How many: a whole number, 1 to {@link MAX_QUANTITY}. */
export function quantity(description: string) {
  return z
    .int32('A quantity must be a whole number.')
    .min(1, 'A quantity must be at least 1.')
    .max(MAX_QUANTITY, 'A quantity must be at most 1,000,000.')
    .describe(description);
}

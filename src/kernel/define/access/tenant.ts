import { isUuid } from '../uuid.ts';

/** Longest name of a tenant, in characters. It can be the name of a database, or be part of it. */
export const MAX_TENANT = 63;

/** No dots and slashes: the name becomes part of the names of databases, of URLs and of keys. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * The name of a tenant for a text: UUIDs are converted to lower case, as they are in the ids of actors. Any other name is another tenant if
 * one letter has another case.
 */
export function tenantOf(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/** Why a text from outside cannot be a tenant's name, as the end of a sentence that begins with the text's name. */
export function whyNotTenant(text: string): string | undefined {
  if (text.length > MAX_TENANT) return `is ${text.length} characters long; at most ${MAX_TENANT} are taken`;
  if (NAME.test(text)) return undefined;
  return 'is not a name of ASCII letters, digits, hyphens and underscores that begins with a letter or digit';
}

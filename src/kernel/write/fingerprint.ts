import { hash } from 'node:crypto';

/**
 * What a command is and says, as 128 bits of SHA-256 in the form of a UUID: the same command with the same input has the
 * same one, in whatever order the input's fields were written.
 */
export function fingerprintOf(command: string, input: unknown): string {
  const hex = hash('sha256', `${command}\n${canonicalJson(input)}`, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON with sorted keys; absent, undefined and null fields are the same, as they are in GraphQL. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part) && !(part instanceof Date)
      ? Object.fromEntries(
          Object.entries(part)
            .filter(([, field]) => field !== undefined && field !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : part,
  );
}

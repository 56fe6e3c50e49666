import { createHash } from 'node:crypto';
import type { Projection } from '../../define/read-model/projection.ts';

/**
 * A hash of the source of a projection's handlers. It ignores white space, comments and trailing commas, so that
 * compiled code has the same hash as its source. Functions that the handlers call are not part of it.
 */
export function fingerprintOf({ handlers, every }: Pick<Projection, 'handlers' | 'every'>): string {
  const hash = createHash('sha256');
  for (const [event, handler] of [...handlers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${event}:${essential(String(handler))};`);
  }
  if (every) hash.update(`*:${essential(String(every))};`);
  return hash.digest('hex').slice(0, 32);
}

/** A literal, which is kept; or a comment, white space, or a comma or semicolon without meaning. */
const PARTS =
  /("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[,;](?=\s*[)\]}])|\s+/g;

function essential(source: string): string {
  return source.replace(PARTS, (_, literal: string | undefined) => literal ?? '');
}

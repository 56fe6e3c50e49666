import type { IncomingHttpHeaders } from 'node:http';

/** The media type of an answer that is not a stream. */
export type JsonType = 'application/json' | 'application/graphql-response+json';

const STREAM = 'text/event-stream';

/** Most characters of an `accept` header that are examined. Browsers send about 150. */
const MAX_ACCEPT = 1000;

/**
 * Replaces an `accept` header that is longer than any client's by one that accepts everything. Each of its types is examined
 * several times: 16 kB of commas would take milliseconds.
 */
export function boundAccept(headers: IncomingHttpHeaders): void {
  if ((headers.accept?.length ?? 0) > MAX_ACCEPT) headers.accept = '*/*';
}

/** Whether a body is GraphQL in JSON, according to its `content-type`. */
export function isJson(contentType: string | null | undefined): boolean {
  return /^application\/(graphql-response\+|graphql\+)?json\b/i.test(contentType ?? '');
}

/** Whether a client accepts this media type. */
export function takes(type: string, accept: string | null | undefined): boolean {
  if (!accept) return true;
  const ranges = accept.split(',').map((range) => range.split(';')[0]?.trim().toLowerCase());
  return ranges.some((range) => range === '*/*' || range === type || range === `${type.split('/')[0]}/*`);
}

/**
 * The media type of an answer that is no stream: the first JSON type that the client names, as Yoga chooses it. Undefined if the
 * client accepts none.
 */
export function answerTypeFor(accept: string | null | undefined): JsonType | undefined {
  for (const range of (accept || '*/*').split(',')) {
    const type = range.split(';')[0]?.trim().toLowerCase();
    if (type === 'application/graphql-response+json') return type;
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'application/json';
  }
  return undefined;
}

/** The same for the answer to a JSON request. Undefined also if the answer may be a stream, or if this cannot tell. */
export function jsonTypeFor({ 'content-type': contentType, accept }: IncomingHttpHeaders): JsonType | undefined {
  if (!isJson(contentType)) return undefined;
  // No real client sends so many types, and each one is examined.
  if (accept === '' || (accept && (accept.length > 200 || accept.includes(STREAM) || accept.includes('charset')))) {
    return undefined;
  }
  return answerTypeFor(accept);
}

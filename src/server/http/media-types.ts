import type { IncomingHttpHeaders } from 'node:http';

/** What an answer that is no stream is written in. */
export type JsonType = 'application/json' | 'application/graphql-response+json';

const STREAM = 'text/event-stream';

/** Whether a body is GraphQL in JSON, as its `content-type` says. */
export function isJson(contentType: string | null | undefined): boolean {
  return /^application\/(graphql-response\+|graphql\+)?json\b/i.test(contentType ?? '');
}

/** Whether a client takes this media type. */
export function takes(type: string, accept: string | null | undefined): boolean {
  if (!accept) return true;
  const ranges = accept.split(',').map((range) => range.split(';')[0]?.trim().toLowerCase());
  return ranges.some((range) => range === '*/*' || range === type || range === `${type.split('/')[0]}/*`);
}

/**
 * What to answer a JSON request in if it is no subscription: the first type that the client names, as Yoga chooses it. Undefined
 * if the request is not JSON, if it may be answered with a stream, or if this does not know.
 */
export function jsonTypeFor(headers: IncomingHttpHeaders): JsonType | undefined {
  if (!isJson(headers['content-type'])) return undefined;
  const { accept } = headers;
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'application/json';
  if (accept === 'application/graphql-response+json') return accept;
  // Nobody sends so many, and each is looked at.
  if (accept.length > 200 || accept.includes(STREAM) || accept.includes('charset')) return undefined;
  for (const range of accept.split(',')) {
    const type = range.split(';')[0]?.trim().toLowerCase();
    if (type === 'application/graphql-response+json') return type;
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'application/json';
  }
  return undefined;
}

import type { FuzzRequest } from './requests.ts';

/** An answer, as far as it is judged. */
export interface FuzzAnswer {
  readonly status: number;
  /** Its beginning, if it was a stream. */
  readonly text: string;
}

/** The longest answer to a request that is no stream, in bytes: the server's own limit and a little for what is around it. */
const LONGEST_ANSWER = 12_000_000;

/** The problem with an answer, as a sentence; undefined if the server has answered as it promises. */
export function judge(request: FuzzRequest, { status, text }: FuzzAnswer): string | undefined {
  if (status >= 500 && status !== 503) return `The status is ${status}.`;
  if (text.length > LONGEST_ANSWER) return `The answer has ${text.length} characters.`;
  if (text.includes('INTERNAL_SERVER_ERROR')) return 'A fault was masked.';
  if (request.streams) return undefined;
  const body = parsed(text);
  if (body === undefined) return status < 400 ? 'The answer is no JSON.' : undefined;
  for (const { message, extensions } of body.errors ?? []) {
    if (typeof message !== 'string' || message.trim() === '') return 'An error has no message.';
    if (message.length > 2_000) return `An error has a message of ${message.length} characters.`;
    if (!/^[A-Z][A-Z_]+$/.test(extensions?.code ?? '')) return `An error has no code: ${message}`;
  }
  return undefined;
}

interface Body {
  readonly errors?: readonly { readonly message?: unknown; readonly extensions?: { readonly code?: string } }[];
}

function parsed(text: string): Body | undefined {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return undefined;
  }
}

import { z } from 'zod';
import type { Lookup, Uncertain } from '../../domains/fulfilment/index.ts';

/** What came with a status below 500; nothing in it is believed before it is looked at. */
export interface GatewayAnswer {
  readonly is: 'answer';
  readonly status: number;
  /** How the payment is, where the gateway says it. */
  readonly state: string | undefined;
  /** The code that came in an error, and nothing else. */
  readonly code: string | undefined;
  /** Why not, fit to be stored and shown. */
  readonly error: { readonly code: string; readonly message: string };
}

/** More than any answer needs, in bytes. */
const MAX_ANSWER = 64 * 1024;
const MAX_CODE = 100;
const MAX_MESSAGE = 300;
/** Too early, too late or too often: it may pass. */
const PASSING = new Set([408, 425, 429]);

/** A text of which nobody knows who wrote it, as one that can be stored; undefined where there is none. */
const said = (longest: number) =>
  z
    .string()
    .transform((text) => text.replaceAll('\0', '').trim().slice(0, longest).toWellFormed() || undefined)
    .optional()
    .catch(undefined);

const Body = z.object({
  status: z.string().optional().catch(undefined),
  error: z
    .object({ code: said(MAX_CODE), message: said(MAX_MESSAGE) })
    .optional()
    .catch(undefined),
});

/** Reads what a gateway has answered: as a certain answer, or that nobody knows. */
export async function readAnswer(response: Response): Promise<GatewayAnswer | Uncertain> {
  const { status } = response;
  const text = await readText(response);
  if (text === undefined) return uncertain('What it answered is too long.');
  const body = readBody(text);
  const code = body?.error?.code;
  const message = body?.error?.message ?? (status < 400 ? 'It was declined.' : `The gateway answered ${status}.`);
  const error = { code: code ?? (status < 400 ? 'declined' : `http_${status}`), message };
  if (status >= 500 || PASSING.has(status) || (status === 409 && code === 'in_progress')) return uncertain(message);
  if (status < 400 && !body) return uncertain('What it answered is no JSON.');
  // What is neither done nor refused: a redirection, say.
  if (status >= 300 && status < 400) return uncertain(`The gateway answered ${status}.`);
  return { is: 'answer', status, state: body?.status, code, error };
}

/** How the payment is by an answer of 200 or so. */
export function stateOf({ status, state, error }: GatewayAnswer): Lookup {
  if (state === 'declined') return { is: 'declined', ...error };
  const known = (['authorized', 'captured', 'voided', 'refunded', 'pending'] as const).find((one) => one === state);
  return known ? { is: known } : uncertain(`The gateway answered ${status} without saying how the payment is.`);
}

export function uncertain(reason: string): Uncertain {
  return { is: 'uncertain', reason };
}

async function readText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // What is left unread is given up with the connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readBody(text: string): z.infer<typeof Body> | undefined {
  try {
    return Body.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

import { z } from 'zod';
import type { Lookup, Uncertain } from '../../domains/fulfilment/index.ts';

/** A change of an authorised payment; also the last part of the request's path. */
export type PaymentChange = 'capture' | 'void' | 'refund';

/** An answer with a status below 500. Its content is not trusted. */
export interface GatewayAnswer {
  readonly is: 'answer';
  readonly status: number;
  /** The state of the payment, if the gateway states it. */
  readonly state: string | undefined;
  /** The code of an error answer that has only a code. */
  readonly code: string | undefined;
  /** The reason for a refusal, fit to be stored and shown. */
  readonly error: { readonly code: string; readonly message: string };
}

/** More than any answer needs, in bytes. */
const MAX_ANSWER = 64 * 1024;
const MAX_CODE = 100;
const MAX_MESSAGE = 300;
/** Too early, too late or too often: temporary. */
const PASSING = new Set([408, 425, 429]);

/** Untrusted text in a form that can be stored; undefined if there is none. */
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

/** Reads an answer of the gateway: a certain answer, or that the outcome is unknown. */
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
  // Neither done nor refused, for example a redirection.
  if (status >= 300 && status < 400) return uncertain(`The gateway answered ${status}.`);
  return { is: 'answer', status, state: body?.status, code, error };
}

/** The state of the payment according to a 2xx answer. */
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
  // Leaving the loop closes the connection and drops the rest.
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

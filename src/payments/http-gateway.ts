import { setTimeout as delay } from 'node:timers/promises';
import type { PaymentGateway } from '../domains/fulfilment/index.ts';

export interface HttpGatewayOptions {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  /** How long one attempt may take, in ms. */
  readonly timeoutMs?: number;
  /** Attempts of one call. */
  readonly attempts?: number;
  /** Before the second attempt at most, in ms; twice as long before each further one. */
  readonly backoffMs?: number;
}

/** The gateway does not understand what it is sent, or does not know by whom: a fault of ours or of the settings. */
export class GatewayMisuseError extends Error {
  readonly code = 'GATEWAY_MISUSE';

  constructor(status: number, code: string, message: string) {
    super(`The payment gateway answered ${status} ${code}: ${message}`);
    this.name = 'GatewayMisuseError';
  }
}

type Call = Parameters<PaymentGateway['capture']>[0];
type NoAnswer = { readonly is: 'uncertain' | 'unreachable'; readonly reason: string };
interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}
/** A status below 500, and what came with it. */
interface Response {
  readonly is: 'response';
  readonly status: number;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string };
}

/** So many attempts at most, each with the same idempotency key. */
const ATTEMPTS = 3;
const TIMEOUT_MS = 5000;
const BACKOFF_MS = 100;

/** Where a connection could not be made nothing was sent. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * A payment gateway over HTTP and JSON, in the style of the providers: an `Idempotency-Key` on all that changes something, 402 for
 * what is declined. What may pass (no answer in time, 409 for a call that is under way, 429, 5xx) is tried again a few times,
 * with a growing pause of random length; then it is for the caller to know that nobody knows.
 */
export class HttpPaymentGateway implements PaymentGateway {
  readonly #options: Required<Omit<HttpGatewayOptions, 'apiKey'>>;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({
    url,
    apiKey,
    timeoutMs = TIMEOUT_MS,
    attempts = ATTEMPTS,
    backoffMs = BACKOFF_MS,
  }: HttpGatewayOptions) {
    this.#options = { url: url.replace(/\/+$/, ''), timeoutMs, attempts, backoffMs };
    this.#headers = { accept: 'application/json', ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) };
  }

  async authorize({ key, reference, amount, method, signal }: Parameters<PaymentGateway['authorize']>[0]) {
    const body = { reference, amount: amount.amount, currency: amount.currency, payment_method: method };
    const answer = await this.#send({ method: 'POST', path: '/v1/authorizations', key, body, signal });
    return answer.is === 'response' ? (declinedOf(answer) ?? ({ is: 'authorized' } as const)) : answer;
  }

  async capture(call: Call) {
    const answer = await this.#change(call, 'capture');
    return answer.is === 'response' ? (declinedOf(answer) ?? ({ is: 'captured' } as const)) : answer;
  }

  async void(call: Call) {
    const answer = await this.#change(call, 'void');
    if (answer.is !== 'response') return answer;
    if (answer.error.code === 'already_captured') return { is: 'captured' } as const;
    if (answer.status >= 400) throw misuse(answer);
    return { is: 'voided' } as const;
  }

  async refund(call: Call) {
    const answer = await this.#change(call, 'refund');
    return answer.is === 'response' ? (declinedOf(answer) ?? ({ is: 'refunded' } as const)) : answer;
  }

  async lookup({ reference, signal }: Parameters<PaymentGateway['lookup']>[0]) {
    const path = `/v1/payments/${encodeURIComponent(reference)}`;
    const answer = await this.#send({ method: 'GET', path, signal });
    if (answer.is !== 'response') return answer;
    if (answer.status === 404) return { is: 'unknown' } as const;
    if (answer.status >= 400) throw misuse(answer);
    const { state } = answer;
    if (state === 'declined') return { is: 'declined', ...answer.error } as const;
    const known = (['authorized', 'captured', 'voided', 'refunded'] as const).find((one) => one === state);
    return { is: known ?? ('pending' as const) };
  }

  #change({ key, reference, signal }: Call, what: string): Promise<Response | NoAnswer> {
    const path = `/v1/payments/${encodeURIComponent(reference)}/${what}`;
    return this.#send({ method: 'POST', path, key, body: {}, signal });
  }

  async #send(request: Request): Promise<Response | NoAnswer> {
    const { attempts, backoffMs } = this.#options;
    let known: NoAnswer | undefined;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(request);
      if (answer.is === 'response') return answer;
      // An attempt that may have been heard is not undone by one that was not.
      known = known?.is === 'uncertain' ? known : answer;
      if (attempt + 1 >= attempts || request.signal?.aborted) return known;
      const ms = Math.random() * backoffMs * 2 ** attempt;
      await delay(ms, undefined, { signal: request.signal }).catch(() => undefined);
    }
  }

  async #attempt({ method, path, key, body, signal }: Request): Promise<Response | NoAnswer> {
    const { url, timeoutMs } = this.#options;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...this.#headers,
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, late]) : late,
        redirect: 'error',
      });
      return readAnswer(response.status, await response.text());
    } catch (error) {
      if (late.aborted) return { is: 'uncertain', reason: `It did not answer within ${timeoutMs} ms.` };
      return noAnswer(error);
    }
  }
}

function readAnswer(status: number, text: string): Response | NoAnswer {
  const body = readJson(text);
  const error = { code: `http_${status}`, message: `The gateway answered ${status}.`, ...body?.error };
  if (status >= 500 || status === 429) return { is: 'uncertain', reason: error.message };
  if (status === 409 && error.code === 'in_progress') return { is: 'uncertain', reason: error.message };
  if (body === undefined && status < 400) return { is: 'uncertain', reason: 'What it answered is no JSON.' };
  return { is: 'response', status, state: body?.status ?? '', error };
}

interface Body {
  readonly status?: string;
  readonly error?: { readonly code: string; readonly message: string };
}
function readJson(text: string): Body | undefined {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return undefined;
  }
}

/** What the gateway will not do, or cannot since the request makes no sense to it. */
function declinedOf(answer: Response) {
  const { status, error } = answer;
  if (status < 400) return undefined;
  if (status === 402 || status === 400 || status === 422 || status === 409)
    return { is: 'declined', ...error } as const;
  throw misuse(answer);
}

function misuse({ status, error }: Response): GatewayMisuseError {
  return new GatewayMisuseError(status, error.code, error.message);
}

function noAnswer(error: unknown): NoAnswer {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  const reason = cause?.code ?? (error as Error).message;
  return { is: NOT_CONNECTED.has(cause?.code ?? '') ? 'unreachable' : 'uncertain', reason };
}

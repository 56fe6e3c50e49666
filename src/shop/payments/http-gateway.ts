import { setTimeout as delay } from 'node:timers/promises';
import type {
  Authorization,
  Capture,
  Declined,
  Lookup,
  NoAnswer,
  PaymentGateway,
  Refund,
  Uncertain,
  Voiding,
} from '../../domains/fulfilment/index.ts';
import { type GatewayAnswer, type PaymentChange, readAnswer, stateOf, uncertain } from './gateway-answer.ts';

export interface HttpGatewayOptions {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  /** How long one attempt may take, in ms. */
  readonly timeoutMs?: number;
  /** Attempts of one call. */
  readonly attempts?: number;
  /** Longest pause before the second attempt, in ms; doubled before each further one. */
  readonly backoffMs?: number;
}

/** The gateway does not understand the request, or does not know the sender: a fault of ours or of the settings. */
export class GatewayMisuseError extends Error {
  readonly code = 'GATEWAY_MISUSE';

  constructor(status: number, code: string, message: string) {
    super(`The payment gateway answered ${status} ${code}: ${message}`);
    this.name = 'GatewayMisuseError';
  }
}

type Call = Parameters<PaymentGateway['capture']>[0];
interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Most attempts of one call, all with the same idempotency key. */
const ATTEMPTS = 3;
const TIMEOUT_MS = 5000;
const BACKOFF_MS = 100;

/** If the connection could not be made, nothing was sent. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * A payment gateway over HTTP and JSON, in the style of payment providers: an `Idempotency-Key` on every change, 402
 * for a declined payment. Temporary failures (no answer in time, 409 for a call in progress, 408, 425, 429, 5xx) are
 * retried a few times, with growing, random pauses; after that the answer is `uncertain`. Only the state that the
 * gateway reports counts as done: a status alone proves nothing.
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

  async authorize({
    key,
    reference,
    amount,
    method,
    signal,
  }: Parameters<PaymentGateway['authorize']>[0]): Promise<Authorization> {
    const body = { reference, amount: amount.amount, currency: amount.currency, payment_method: method };
    const answer = await this.#send({ method: 'POST', path: '/v1/authorizations', key, body, signal });
    if (answer.is !== 'answer') return answer;
    const { status, error } = answer;
    if (status === 402) return { is: 'declined', ...error };
    if (status === 409) return uncertain(error.message);
    if (status === 400 || status === 422) return this.#notUnderstood({ key, reference, signal }, answer);
    if (status >= 400) throw misuse(answer);
    const found = stateOf(answer);
    return found.is === 'authorized' ? { is: 'authorized' } : (refusalOf(found) ?? unexpected(found));
  }

  async capture(call: Call): Promise<Capture> {
    const found = await this.#change(call, 'capture');
    return found.is === 'captured' ? { is: 'captured' } : (refusalOf(found) ?? unexpected(found));
  }

  async void(call: Call): Promise<Voiding> {
    const found = await this.#change(call, 'void');
    switch (found.is) {
      // Nothing was authorised, or no longer is.
      case 'voided':
      case 'declined':
      case 'refunded':
      case 'unknown':
        return { is: 'voided' };
      case 'captured':
        return { is: 'captured' };
      default:
        return unexpected(found);
    }
  }

  async refund(call: Call): Promise<Refund> {
    const found = await this.#change(call, 'refund');
    return found.is === 'refunded' ? { is: 'refunded' } : (refusalOf(found) ?? unexpected(found));
  }

  async lookup({ reference, signal }: Parameters<PaymentGateway['lookup']>[0]): Promise<Lookup> {
    const path = `/v1/payments/${encodeURIComponent(reference)}`;
    const answer = await this.#send({ method: 'GET', path, signal });
    if (answer.is !== 'answer') return answer;
    if (isUnknown(answer)) return { is: 'unknown' };
    if (answer.status >= 400) throw misuse(answer);
    return stateOf(answer);
  }

  /** The state of the payment after the requested change. */
  async #change({ key, reference, signal }: Call, change: PaymentChange): Promise<Lookup> {
    const path = `/v1/payments/${encodeURIComponent(reference)}/${change}`;
    const answer = await this.#send({ method: 'POST', path, key, body: {}, signal });
    if (answer.is !== 'answer') return answer;
    const { status, error } = answer;
    if (status < 400) return stateOf(answer);
    if (status === 402 && change !== 'void') return { is: 'declined', ...error };
    if (change === 'void' && isUnknown(answer)) return { is: 'unknown' };
    if (status !== 409) throw misuse(answer);
    // The change does not fit the state of the payment: perhaps it was done before.
    const found = await this.lookup({ reference, signal });
    return change === 'capture' && found.is === 'voided' ? { is: 'declined', ...error } : found;
  }

  /**
   * The gateway does not understand the authorisation; this is not a decision of the card's issuer. The payment counts
   * as declined once it is certain that no earlier attempt has authorised it, and none will.
   */
  async #notUnderstood(call: Call, { error }: GatewayAnswer): Promise<Authorization> {
    const found = await this.lookup(call);
    if (found.is === 'authorized') return { is: 'authorized' };
    if (found.is === 'declined') return found;
    if (found.is !== 'unknown' && found.is !== 'voided') return unexpected(found);
    const voiding = await this.void({ ...call, key: `${call.key}-void` });
    return voiding.is === 'voided' ? { is: 'declined', ...error } : unexpected(voiding);
  }

  async #send(request: Request): Promise<GatewayAnswer | NoAnswer> {
    const { attempts, backoffMs } = this.#options;
    let known: NoAnswer | undefined;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(request);
      if (answer.is === 'answer') return answer;
      // If one attempt may have arrived, the result stays uncertain, even if later ones did not arrive.
      known = known?.is === 'uncertain' ? known : answer;
      if (attempt + 1 >= attempts || request.signal?.aborted) return known;
      const ms = Math.random() * backoffMs * 2 ** attempt;
      await delay(ms, undefined, { signal: request.signal }).catch(() => undefined);
    }
  }

  async #attempt({ method, path, key, body, signal }: Request): Promise<GatewayAnswer | NoAnswer> {
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
      return await readAnswer(response);
    } catch (error) {
      if (late.aborted) return { is: 'uncertain', reason: `It did not answer within ${timeoutMs} ms.` };
      return noAnswer(error);
    }
  }
}

/** A 404 with a reason is about the payment; without one it is about the address, which is then wrong. */
function isUnknown({ status, code }: GatewayAnswer): boolean {
  return status === 404 && code !== undefined;
}

/** A final refusal, or that the outcome is unknown. */
function refusalOf(found: Lookup): Declined | NoAnswer | undefined {
  return found.is === 'declined' || found.is === 'uncertain' || found.is === 'unreachable' ? found : undefined;
}

function unexpected(found: { readonly is: string; readonly reason?: string }): Uncertain {
  return uncertain(found.reason ?? `The gateway says that the payment is ${found.is}.`);
}

function misuse({ status, error }: GatewayAnswer): GatewayMisuseError {
  return new GatewayMisuseError(status, error.code, error.message);
}

function noAnswer(error: unknown): NoAnswer {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  const reason = cause?.code ?? (error as Error).message;
  return { is: NOT_CONNECTED.has(cause?.code ?? '') ? 'unreachable' : 'uncertain', reason };
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { openPool } from '../../../server/index.ts';
import type { PaymentChange } from '../gateway-answer.ts';
import { CARDS, type Card } from './cards.ts';
import { failure, Ledger, type LedgerAnswer } from './ledger.ts';

export interface LocalGatewayOptions {
  /** The Postgres with its data, in a schema of its own: any number of gateways may share it. */
  readonly databaseUrl: string;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, uses any free port. */
  readonly port?: number;
  /** How long tok_slow takes, in ms. */
  readonly slowMs?: number;
  /** How long tok_late takes, in ms: longer than clients wait. */
  readonly lateMs?: number;
}

/** A payment gateway for development and tests. It takes no money. */
export interface LocalGateway {
  readonly url: string;
  close(): Promise<void>;
}

const MAX_BODY = 16 * 1024;
const KEY = /^[\w-]{1,255}$/;
const AuthorizeBody = z.object({
  reference: z.string().min(1).max(255),
  amount: z.int().positive(),
  currency: z.string().regex(/^[A-Z]{3}$/),
  payment_method: z.string().min(1).max(255),
});

/** Starts the gateway; docs/processes.md says what its test cards do. */
export async function startLocalGateway(options: LocalGatewayOptions): Promise<LocalGateway> {
  const { databaseUrl, host = '127.0.0.1', port = 0, slowMs = 1000, lateMs = 60_000 } = options;
  const pool = openPool({ url: databaseUrl, connections: 2, applicationName: 'afterwrite local gateway' });
  const desk = new Desk(new Ledger(pool.db), { slow: slowMs, late: lateMs });
  const server = createServer((request, response) => void desk.serve(request, response));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await pool.close(0);
    throw error;
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await closed(server);
      await pool.close(1000);
    },
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A bad request, with the reason. */
class BadRequest extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

class Desk {
  readonly #ledger: Ledger;
  readonly #waitMs: { readonly slow: number; readonly late: number };
  /** Keys that were answered with "unknown". */
  readonly #unsure = new Set<string>();

  constructor(ledger: Ledger, waitMs: { readonly slow: number; readonly late: number }) {
    this.#ledger = ledger;
    this.#waitMs = waitMs;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    // Stops waiting when the client goes away.
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const answer = await this.#answer(request, gone.signal);
      if (answer) reply(response, answer.status, answer.body);
      else response.destroy();
    } catch (error) {
      if (error instanceof BadRequest) reply(response, error.status, failure(error.code, error.message));
      else reply(response, 503, failure('unavailable', 'The gateway has no access to what it knows.'));
    }
  }

  /** Undefined if the connection is to break instead. */
  async #answer(
    request: IncomingMessage,
    over: AbortSignal,
  ): Promise<Pick<LedgerAnswer, 'status' | 'body'> | undefined> {
    const { pathname } = new URL(request.url ?? '/', 'http://gateway');
    const [, reference, change] = /^\/v1\/payments\/([^/]+)(?:\/(capture|void|refund))?$/.exec(pathname) ?? [];
    if (request.method === 'GET' && reference && !change) {
      const found = await this.#ledger.find(decoded(reference));
      return found ? { status: 200, body: found } : { status: 404, body: failure('not_found', 'No such payment.') };
    }
    if (request.method !== 'POST') throw new BadRequest(404, 'not_found', 'There is nothing here.');
    const key = request.headers['idempotency-key']?.toString() ?? '';
    if (!KEY.test(key)) throw new BadRequest(400, 'idempotency_key_missing', 'An Idempotency-Key is needed.');
    const body = await readBody(request);
    if (pathname === '/v1/authorizations') return this.#authorize(key, body, over);
    if (!reference || !change) throw new BadRequest(404, 'not_found', 'There is nothing here.');
    return this.#ledger.change(key, decoded(reference), change as PaymentChange);
  }

  async #authorize(
    key: string,
    body: unknown,
    over: AbortSignal,
  ): Promise<Pick<LedgerAnswer, 'status' | 'body'> | undefined> {
    const parsed = AuthorizeBody.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new BadRequest(400, 'invalid_request', `${issue?.path.join('.') || 'The body'}: ${issue?.message}`);
    }
    const { payment_method: method, ...payment } = parsed.data;
    const how: Card['answers'] = CARDS.get(method)?.answers;
    if (how === 'never') {
      await wait(2 ** 31 - 1, over);
      return undefined;
    }
    if (how === 'unsure' && !this.#unsure.has(key) && !(await this.#ledger.knows(key))) {
      this.#unsure.add(key);
      return { status: 503, body: failure('unavailable', 'The gateway cannot say at the moment.') };
    }
    const answer = await this.#ledger.authorize(key, { ...payment, method });
    if (answer.isReplayed) return answer;
    if (how === 'slow' || how === 'late') await wait(this.#waitMs[how], over);
    return how === 'lost' ? undefined : answer;
  }
}

async function wait(ms: number, over: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: over }).catch(() => undefined);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest(400, 'invalid_request', 'The reference cannot be read.');
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (!request.headers['content-type']?.startsWith('application/json'))
    throw new BadRequest(415, 'invalid_request', 'The body must be application/json.');
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BODY) throw new BadRequest(413, 'invalid_request', 'The body is too long.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest(400, 'invalid_request', 'The body is no JSON.');
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Database } from '../../../server/index.ts';
import type { PaymentChange } from '../gateway-answer.ts';
import { CARDS } from './cards.ts';

/** An answer, which is repeated for the same key. */
export interface LedgerAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The answer is a repeat. */
  readonly isReplayed: boolean;
}

export interface Authorize {
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
  readonly method: string;
}

interface PaymentRow extends Record<string, unknown> {
  readonly amount: number;
  readonly method: string;
  readonly status: string;
}
type AnswerContent = Pick<LedgerAnswer, 'status' | 'body'>;
type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

/** The gateway's memory: payments by their references, and answers by their idempotency keys, in its own tables. */
export class Ledger {
  readonly #db: Database;
  #ready: Promise<unknown> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  authorize(key: string, request: Authorize): Promise<LedgerAnswer> {
    return this.#once(key, request.reference, ['authorize', request], async (tx) => {
      const { reference, amount, currency, method } = request;
      const payment = await find(tx, reference);
      if (payment?.status === 'voided') return declined('payment_voided', 'The payment was voided before it was made.');
      if (payment) return conflict('reference_in_use', 'There is a payment with this reference.');
      const card = CARDS.get(method);
      const refusal = card
        ? card.declined
        : { code: 'invalid_payment_method', message: 'There is no such payment method.' };
      const status = refusal ? 'declined' : 'authorized';
      await tx.execute(sql`insert into local_gateway.payments (reference, amount, currency, method, status)
                           values (${reference}, ${amount}, ${currency}, ${method}, ${status})`);
      return refusal ? declined(refusal.code, refusal.message) : done(reference, status);
    });
  }

  change(key: string, reference: string, change: PaymentChange): Promise<LedgerAnswer> {
    return this.#once(key, reference, [change, reference], async (tx) => {
      const payment = await find(tx, reference);
      switch (change) {
        case 'capture':
          return capture(tx, reference, payment);
        case 'void':
          return voidPayment(tx, reference, payment);
        case 'refund':
          if (payment?.status === 'refunded') return done(reference, 'refunded');
          if (payment?.status !== 'captured') return declined('not_captured', 'There is nothing to give back.');
          return move(tx, reference, 'refunded');
      }
    });
  }

  /** Undefined if there is no such payment. */
  async find(reference: string): Promise<unknown> {
    await this.#prepare();
    const payment = await find(this.#db, reference);
    if (!payment) return undefined;
    const { status, method, amount } = payment;
    const error = status === 'declined' ? CARDS.get(method)?.declined : undefined;
    return { reference, status, amount, ...(error ? { error } : {}) };
  }

  /** True if a request with this key was answered before. */
  async knows(key: string): Promise<boolean> {
    await this.#prepare();
    const rows = await this.#db.execute(sql`select from local_gateway.answers where key = ${key}`);
    return rows.length > 0;
  }

  /**
   * One key, one effect: a repeated request gets the first answer, and requests about the same payment wait for each
   * other.
   */
  async #once(
    key: string,
    reference: string,
    request: unknown,
    work: (tx: Transaction) => Promise<AnswerContent>,
  ): Promise<LedgerAnswer> {
    await this.#prepare();
    const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    return this.#db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${reference}, 7))`);
      const [known] = await tx.execute<{ fingerprint: string; status: number; body: unknown }>(
        sql`select fingerprint, status, body from local_gateway.answers where key = ${key}`,
      );
      if (known && known.fingerprint !== fingerprint) {
        const reused = failure('idempotency_key_reused', 'This key came with another request before.');
        return { status: 422, body: reused, isReplayed: true };
      }
      if (known) return { status: known.status, body: known.body, isReplayed: true };
      const { status, body } = await work(tx);
      await tx.execute(sql`insert into local_gateway.answers (key, fingerprint, status, body)
                           values (${key}, ${fingerprint}, ${status}, ${JSON.stringify(body)}::jsonb)`);
      return { status, body, isReplayed: false };
    });
  }

  /** Not part of the application's schema: a database whose server calls a real gateway never has these tables. */
  #prepare(): Promise<unknown> {
    this.#ready ??= this.#db
      .transaction(async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('local_gateway', 7))`);
        await tx.execute(sql`create schema if not exists local_gateway`);
        await tx.execute(sql`
          create table if not exists local_gateway.payments (
            reference text primary key, amount bigint, currency text, method text, status text not null,
            created_at timestamptz not null default now()
          )`);
        await tx.execute(sql`
          create table if not exists local_gateway.answers (
            key text primary key, fingerprint text not null, status int not null, body jsonb not null,
            given_at timestamptz not null default now()
          )`);
      })
      .catch((error) => {
        this.#ready = undefined;
        throw error;
      });
    return this.#ready;
  }
}

async function find(db: Pick<Database, 'execute'>, reference: string): Promise<PaymentRow | undefined> {
  const [row] = await db.execute<PaymentRow>(
    sql`select amount, coalesce(method, '') as method, status from local_gateway.payments where reference = ${reference}`,
  );
  return row;
}

async function move(tx: Transaction, reference: string, status: string): Promise<AnswerContent> {
  await tx.execute(sql`update local_gateway.payments set status = ${status} where reference = ${reference}`);
  return done(reference, status);
}

async function capture(tx: Transaction, reference: string, payment: PaymentRow | undefined): Promise<AnswerContent> {
  if (payment?.status === 'captured') return done(reference, 'captured');
  if (payment?.status !== 'authorized') return declined('not_authorized', 'Nothing is set aside that could be taken.');
  const refusal = CARDS.get(payment.method)?.uncapturable;
  return refusal ? declined(refusal.code, refusal.message) : move(tx, reference, 'captured');
}

/** Remembers that an authorisation which has not arrived yet must be refused. */
async function voidPayment(
  tx: Transaction,
  reference: string,
  payment: PaymentRow | undefined,
): Promise<AnswerContent> {
  if (payment?.status === 'captured') return conflict('already_captured', 'It was taken already: refund it.');
  if (payment) {
    return payment.status === 'authorized' ? move(tx, reference, 'voided') : done(reference, payment.status);
  }
  await tx.execute(sql`insert into local_gateway.payments (reference, status) values (${reference}, 'voided')`);
  return done(reference, 'voided');
}

function done(reference: string, status: string): AnswerContent {
  return { status: 200, body: { reference, status } };
}
function declined(code: string, message: string): AnswerContent {
  return { status: 402, body: failure(code, message) };
}
function conflict(code: string, message: string): AnswerContent {
  return { status: 409, body: failure(code, message) };
}
export function failure(code: string, message: string) {
  return { error: { code, message } };
}

import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { HASH_BYTES } from '../../proof/hashes.ts';
import { type HeadContent, readHead, type SignedHead } from '../../proof/signed-head.ts';
import type { WitnessReach } from './witness.ts';

/** A head as `es.heads` has it. */
export interface StoredHead {
  /** The position of its row, which the text should have too. */
  readonly position: number;
  readonly signed: SignedHead;
  /** What the text says; undefined if it has another form than it is signed in. */
  readonly content: HeadContent | undefined;
  /** The peaks of the Merkle tree at its position. */
  readonly peaks: readonly Buffer[];
}

interface HeadRow extends Record<string, unknown> {
  readonly position: number;
  readonly text: string;
  readonly signature: string;
  readonly peaks: Buffer;
}

/** The last head up to a position; undefined if there is none. */
export async function lastHead(db: Database, until = Number.MAX_SAFE_INTEGER): Promise<StoredHead | undefined> {
  const [head] = await newestHeads(db, 1, until);
  return head;
}

/** The last heads up to a position, the newest first. */
export async function newestHeads(db: Database, limit: number, until = Number.MAX_SAFE_INTEGER): Promise<StoredHead[]> {
  const rows = await db.execute<HeadRow>(
    sql`select position, text, signature, peaks from es.heads where position <= ${until}::bigint order by position desc limit ${limit}::int`,
  );
  return rows.map(headOf);
}

/** The heads after a position, in order, at most `limit`. */
export async function headsAfter(db: Database, after: number, limit: number): Promise<StoredHead[]> {
  const rows = await db.execute<HeadRow>(
    sql`select position, text, signature, peaks from es.heads where position > ${after}::bigint order by position limit ${limit}::int`,
  );
  return rows.map(headOf);
}

function headOf({ position, text, signature, peaks }: HeadRow): StoredHead {
  return {
    position: Number(position),
    signed: { text, signature },
    content: readHead(text),
    peaks: Array.from({ length: Math.floor(peaks.length / HASH_BYTES) }, (_, nth) =>
      peaks.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES),
    ),
  };
}

/** The head of a position; undefined if there is none. */
export async function headAt(db: Database, position: number): Promise<StoredHead | undefined> {
  const head = await lastHead(db, position);
  return head?.position === position ? head : undefined;
}

/** Number of heads after a position. */
export async function countHeadsAfter(db: Database, position: number): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from es.heads where position > ${position}::bigint`,
  );
  return row?.count ?? 0;
}

/** Which heads the witness has, as the database says. Any instance may ask, also one that does not sign. */
export async function readSignerState(db: Database): Promise<SignerState> {
  const [row] = await db.execute<{ witness: string | null; witnessed: number; receipt: string | null }>(
    sql`select witness, witnessed, receipt from es.signer`,
  );
  return row ? { ...row, witnessed: Number(row.witnessed) } : { witness: null, witnessed: 0, receipt: null };
}

/** How long an instance keeps the right to sign, in ms, unless it renews it. */
const LEASE_MS = 30_000;

/** What the instance that signs knows of the witness. */
export interface SignerState {
  /** The witness that has heads; null if none has any. */
  readonly witness: string | null;
  /** The last position that it has. */
  readonly witnessed: number;
  /** See `witness-receipt.ts`; null if it has none, or none is known. */
  readonly receipt: string | null;
}

/** The right to sign heads, which one instance has at a time, and how far the witness is. */
export class SignerLease {
  readonly #db: Database;
  readonly #instance: string;
  readonly #ms: SQL;

  /** @param intervalMs the time between two turns of the instance that has the right: it keeps the right for longer. */
  constructor(db: Database, instance: string, intervalMs = 0) {
    this.#db = db;
    this.#instance = instance;
    this.#ms = sql`${intervalMs + LEASE_MS}::float8 * interval '1 ms'`;
  }

  /**
   * Takes or renews the right. An end that no instance would have set does not count: else nothing would be signed any more.
   * @returns undefined if another instance has it.
   */
  async take(): Promise<SignerState | undefined> {
    const [row] = await this.#db.execute<{ witness: string | null; witnessed: number; receipt: string | null }>(
      // By its name: in a store of tenants the key begins with the tenant.
      sql`insert into es.signer as s (owner, lease_until) values (${this.#instance}::uuid, now() + ${this.#ms})
          on conflict on constraint signer_pkey do update set owner = excluded.owner, lease_until = excluded.lease_until
          where s.owner = excluded.owner or s.lease_until < now() or s.lease_until > now() + 2 * ${this.#ms}
          returning witness, witnessed, receipt`,
    );
    return row && { ...row, witnessed: Number(row.witnessed) };
  }

  /** @throws {Error} if another instance has taken the right. */
  async renew(): Promise<void> {
    if (await this.take()) return;
    throw new Error('Another server has taken the right to sign heads while this one was reading the log.');
  }

  /** Gives the right away, so that another instance need not wait until it ends. */
  async release(): Promise<void> {
    await this.#db.execute(
      sql`update es.signer set lease_until = 'epoch' where id = 1 and owner = ${this.#instance}::uuid`,
    );
  }

  /**
   * Stores a head that follows the head at `before`. The row of the lease is locked meanwhile: if another instance has taken it, it
   * has done so before, and nothing is stored.
   * @returns false if this instance has lost the right, or another head was stored after `before`.
   */
  async store(
    position: number,
    { text, signature }: SignedHead,
    peaks: readonly Buffer[],
    before: number,
  ): Promise<boolean> {
    const bytes = Buffer.concat(peaks).toString('hex');
    const stored = await this.#db.execute(
      sql`with own as (
            update es.signer set lease_until = now() + ${this.#ms} where id = 1 and owner = ${this.#instance}::uuid returning 1
          )
          insert into es.heads (position, text, signature, peaks)
          select ${position}::bigint, ${text}, ${signature}, decode(${bytes}, 'hex') from own
          where (select coalesce(max(h.position), 0) from es.heads h) = ${before}::bigint
          returning position`,
    );
    return stored.length > 0;
  }

  /** Notes up to where a witness has the heads, and renews the right. @returns false if this instance has lost it. */
  async noteWitnessed(witness: string, { position, receipt }: WitnessReach): Promise<boolean> {
    const last = receipt === null ? 0 : position;
    const noted = await this.#db.execute(
      sql`update es.signer set witness = ${witness}, witnessed = ${last}::bigint, receipt = ${receipt}, lease_until = now() + ${this.#ms}
          where id = 1 and owner = ${this.#instance}::uuid returning 1`,
    );
    return noted.length > 0;
  }
}

import type { KeyObject } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { ChainVerifier } from '../proof/chain-verifier.ts';
import { LogFault } from '../proof/log-fault.ts';
import { type HeadContent, headHash, isSignedBy } from '../proof/signed-head.ts';
import { type WitnessedHead, witnessedHeads } from '../proof/witnessed-heads.ts';
import { type ChainOrigin, readEnd, readOrigin } from './chain-origin.ts';
import { explainFault, type LastRight } from './explain-fault.ts';
import { HeadCursor, storedHeads } from './head-cursor.ts';
import { lastHead, type StoredHead } from './heads/head-store.ts';
import { refuseHeadsBeforeCompletion, verifyStoredHead } from './heads/verify-head.ts';
import { type ChainLink, StoredChain } from './stored-chain.ts';

export interface AuditOptions {
  /** The range of positions; all of the log by default. It begins at most one head earlier, which is where its proof begins. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The public keys whose signatures count, by their ids; none if heads are not to be verified. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** The heads that a witness has, a line each. */
  readonly witness?: AsyncIterable<string> | undefined;
  readonly signal: AbortSignal;
  /** Called with the number of events that were verified. */
  readonly onProgress?: ((events: number) => void) | undefined;
}

/** What an audit has found out. */
export interface Audit {
  /** The first and the last position that were verified. */
  readonly from: number;
  readonly to: number;
  /** The last position of the log. */
  readonly end: number;
  /** Number of heads of the log, and of the witness, that the events agree with. */
  readonly heads: number;
  readonly witnessed: number;
  /** The position of the last head of the witness that they agree with; 0 if there is none. */
  readonly witnessedUntil: number;
  /** The last of them: all events up to it are what was signed. */
  readonly lastHead: HeadContent | undefined;
  /** Number of events that were encrypted after they were recorded: as a signed event certifies, and the others. */
  readonly encrypted: number;
  readonly uncertified: number;
  readonly origin: ChainOrigin;
  /** The first thing that is wrong; undefined if nothing is. */
  readonly fault: LogFault | undefined;
}

/**
 * Verifies the chain of the stored log, the heads in the database, and those of a witness. It takes no lock and can run while
 * events are appended. Its memory does not grow with the log.
 * @throws the database's error.
 */
export async function auditLog(db: Database, options: AuditOptions): Promise<Audit> {
  const origin = await readOrigin(db);
  const end = await readEnd(db);
  // While former events are being hashed, later ones have no hashes yet.
  const until = Math.min(origin.completedAt ? end : origin.formerPosition, options.to ?? end);
  const anchor = await lastHead(db, (options.from ?? 1) - 1);
  const run = new AuditRun(db, origin, { ...options, until, end, anchor });
  const fault = await run.findFault();
  return { ...run.verified, end, origin, fault };
}

interface RunOptions extends AuditOptions {
  /** The last position to verify. */
  readonly until: number;
  readonly end: number;
  /** The head after which the verification begins; undefined if it begins with the first event. */
  readonly anchor: StoredHead | undefined;
}

class AuditRun {
  readonly #db: Database;
  readonly #origin: ChainOrigin;
  readonly #options: RunOptions;
  readonly #chain: StoredChain;
  readonly #from: number;
  #verifier: ChainVerifier | undefined;
  #witnessed = 0;
  #lastWitnessed: HeadContent | undefined;

  constructor(db: Database, origin: ChainOrigin, options: RunOptions) {
    this.#db = db;
    this.#origin = origin;
    this.#options = options;
    this.#chain = new StoredChain(db);
    this.#from = (options.anchor?.position ?? 0) + 1;
  }

  get verified(): Omit<Audit, 'fault' | 'origin' | 'end'> {
    const [own, others] = [this.#verifier?.lastHead, this.#lastWitnessed];
    const { certified: encrypted = 0, uncertified = 0 } = this.#verifier?.encryptions ?? {};
    return {
      ...{ encrypted, uncertified },
      ...{ from: this.#from, to: this.#verifier?.position ?? this.#from - 1 },
      ...{ heads: this.#verifier?.heads ?? 0, witnessed: this.#witnessed },
      witnessedUntil: others?.position ?? 0,
      lastHead: (others?.position ?? 0) > (own?.position ?? 0) ? others : own,
    };
  }

  /** @returns undefined if everything is as it was written. */
  async findFault(): Promise<LogFault | undefined> {
    try {
      await this.#verify();
      return undefined;
    } catch (error) {
      if (error instanceof LogFault) return error;
      throw error;
    }
  }

  async #verify(): Promise<void> {
    const { until, end, keys, witness, signal, onProgress } = this.#options;
    const verifier = await this.#begin();
    const after = this.#from - 1;
    const heads = await HeadCursor.of(keys.size > 0 ? storedHeads(this.#db, after) : undefined);
    const others = await HeadCursor.of(witness && witnessedHeads(witness, after));
    refuseHeadsBeforeCompletion(this.#origin, (await lastHead(this.#db))?.position ?? others.current?.content.position);
    for await (const page of this.#chain.links(after, until, signal)) {
      for (const event of page) {
        const explaining = this.#next(verifier, event);
        if (explaining) await explaining;
        if (heads.current?.position === event.position || others.current?.content.position === event.position) {
          await this.#compare(verifier, heads, others);
        }
      }
      onProgress?.(verifier.position - after);
    }
    if (verifier.position < until) throw new LogFault('events were removed', verifier.position + 1, until);
    // What was appended since the audit began may have heads.
    const last = until < end ? end : await readEnd(this.#db);
    const beyond = Math.max(heads.current?.position ?? 0, others.current?.content.position ?? 0);
    if (until === end && beyond > last) {
      const reason = `the log ends at ${last}, and a head of position ${beyond} was signed: the events after its end were removed`;
      throw new LogFault(reason, last + 1, beyond);
    }
  }

  async #begin(): Promise<ChainVerifier> {
    const { anchor, keys } = this.#options;
    if (anchor) await verifyStoredHead(this.#db, anchor, this.#origin, keys);
    this.#verifier = new ChainVerifier(
      {
        ...{ origin: this.#origin.hash, from: this.#from, before: anchor?.content?.hash ?? this.#origin.hash },
        ...{ peaks: anchor?.peaks ?? [], previousHead: anchor && headHash(anchor.signed.text) },
      },
      keys,
    );
    return this.#verifier;
  }

  /** Follows the chain to an event. Only a fault has to be waited for. */
  #next(verifier: ChainVerifier, event: ChainLink): Promise<void> | undefined {
    try {
      verifier.next(event);
      return undefined;
    } catch (error) {
      const { position, hash } = verifier;
      // What a certificate says of events before it explains itself.
      if (!(error instanceof LogFault) || error.from <= position) throw error;
      return this.#explain(error, { position, hash });
    }
  }

  async #explain(fault: LogFault, last: LastRight): Promise<never> {
    const { until, signal } = this.#options;
    throw await explainFault(fault, last, until, (after, to) => this.#chain.pages(after, to, signal));
  }

  /** Compares the heads of the position that was reached. */
  async #compare(
    verifier: ChainVerifier,
    heads: HeadCursor<StoredHead>,
    others: HeadCursor<WitnessedHead>,
  ): Promise<void> {
    const { position } = verifier;
    const [own, other] = [heads.current, others.current];
    const signedAt = (own?.position === position ? own.content : other?.content)?.signedAt;
    try {
      // First what the owner of the database could not change.
      if (other?.content.position === position) {
        this.#compareWitnessed(verifier, other);
        await others.next();
      }
      if (own?.position === position) {
        verifier.head(own.signed);
        await heads.next();
      }
    } catch (error) {
      if (!(error instanceof LogFault) || error.from === error.to) throw error;
      throw await this.#narrow(error, signedAt);
    }
  }

  #compareWitnessed(verifier: ChainVerifier, { signed, content }: WitnessedHead): void {
    const { keys } = this.#options;
    const { position, keyId } = content;
    const [own, others] = [verifier.lastHead?.position ?? 0, this.#lastWitnessed?.position ?? 0];
    const from = Math.max(this.#from, own + 1, others + 1);
    const key = keys.get(keyId);
    if (keys.size > 0 && !key)
      throw new LogFault(`the witness has a head of another key (${keyId}) than yours`, position);
    if (key && !isSignedBy(signed, key))
      throw new LogFault('the signature of a head of the witness does not fit', position);
    if (!content.origin.equals(this.#origin.hash))
      throw new LogFault('the witness is that of another log', from, position);
    if (!content.hash.equals(verifier.hash) || !verifier.tree.root()?.equals(content.root)) {
      throw new LogFault('these events form a chain, but are not what the witness has seen', from, position);
    }
    this.#witnessed++;
    this.#lastWitnessed = content;
  }

  /**
   * Forgers usually write events anew after a head was signed. So an event that was recorded later than the head was not signed, and the
   * first wrong event is the first of these, or an earlier one.
   */
  async #narrow(fault: LogFault, signedAt: Date | undefined): Promise<LogFault> {
    if (!signedAt) return fault;
    const [row] = await this.#db.execute<{ position: number | null }>(
      sql`select min(position) as position from es.events
          where position between ${fault.from}::bigint and ${fault.to}::bigint
            and recorded_at > to_timestamp(${signedAt.getTime()}::float8 / 1000)`,
    );
    if (row?.position == null) return fault;
    const reason = `${fault.message}; event ${row.position} was recorded after the head of position ${fault.to} was signed`;
    return new LogFault(reason, fault.from, Number(row.position));
  }
}

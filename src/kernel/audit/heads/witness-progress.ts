import type { Database } from '../../../database/client.ts';
import { headHash } from '../../proof/signed-head.ts';
import { headAt, newestHeads, type SignerState, type StoredHead } from './head-store.ts';
import type { SigningKey } from './next-head.ts';
import type { HeadWitness, WitnessReach } from './witness.ts';
import { receiptOf, witnessedUntil } from './witness-receipt.ts';

/**
 * How far a witness is, as this instance knows it. The owner of the database can remove receipts there and put old ones back, and would
 * have the same heads given again and again while new ones wait. They cannot change what is in the memory of a server, so each
 * instance gives a witness a head once. If nothing is known of a witness, it begins with the newest head, which covers all before.
 */
export class WitnessProgress {
  readonly #db: Database;
  readonly #key: SigningKey;
  readonly #witness: HeadWitness;
  #known: WitnessReach | undefined;
  #wasAsked = false;

  constructor(db: Database, key: SigningKey, witness: HeadWitness) {
    this.#db = db;
    this.#key = key;
    this.#witness = witness;
  }

  /** Compares what the database says with what is known. @returns false if its receipt is not one that a server has signed. */
  async compare(state: SignerState): Promise<boolean> {
    const until = await witnessedUntil(this.#db, this.#key, this.#witness.id, state);
    if (until !== undefined && until > (this.#known?.position ?? 0)) {
      this.#known = { position: until, receipt: state.receipt };
    }
    return until !== undefined;
  }

  /** The last position whose head the witness need not be given, with its receipt. */
  async witnessed(): Promise<WitnessReach> {
    if (!this.#known) {
      const [, before] = await newestHeads(this.#db, 2);
      this.#known ??= { position: before?.position ?? 0, receipt: null };
    }
    return this.#known;
  }

  /** Asks the witness itself once, if it can tell. Only the instance that signs does so. */
  async ask(): Promise<void> {
    if (this.#wasAsked) return;
    const last = await this.#witness.last?.();
    this.#wasAsked = true;
    const head = last && (await headAt(this.#db, last.position));
    // A witness whose last head is of another history refuses the heads of this one: it is given them, and reports that.
    if (!head || !headHash(head.signed.text).equals(last.hash)) return;
    if (this.#known?.receipt == null || head.position > this.#known.position) this.note(head);
  }

  /** Notes that it has taken a head. */
  note(head: StoredHead): WitnessReach {
    this.#known = { position: head.position, receipt: receiptOf(this.#key, this.#witness.id, head) };
    return this.#known;
  }
}

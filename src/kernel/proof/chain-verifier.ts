import type { KeyObject } from 'node:crypto';
import { type Certificate, type Encrypted, EncryptionLedger } from './encryption-certificate.ts';
import { chainHash, HASH_BYTES } from './hashes.ts';
import { LogFault } from './log-fault.ts';
import { MerkleFrontier } from './merkle-frontier.ts';
import { type HeadContent, headHash, isSignedBy, readHead, type SignedHead } from './signed-head.ts';

/** What the log has before the first event that is verified. It is believed until a head has confirmed it. */
export interface ChainStart {
  /** The hash of the log's origin. */
  readonly origin: Buffer;
  /** The first position that is verified. */
  readonly from: number;
  /** The hash that the chain has before it. */
  readonly before: Buffer;
  /** The peaks of the Merkle tree of all events before it. */
  readonly peaks: readonly Buffer[];
  /** The hash of the text of the last head before it; undefined if there is none. */
  readonly previousHead: Buffer | undefined;
}

/** An event of the chain. */
export interface ChainedEvent {
  readonly position: number;
  /** The leaf of the content that it was recorded with. */
  readonly leaf: Buffer;
  /** The hash that the log has stored with it. */
  readonly hash: Buffer;
  /** Set if it was encrypted since. */
  readonly encrypted?: Encrypted | undefined;
  /** What it says of events that were encrypted, if that is its purpose. */
  readonly certificate?: Certificate | undefined;
}

/**
 * Follows the chain of a log from any position on, event by event, and compares it with the heads that were signed. It needs
 * the same memory for any number of events.
 */
export class ChainVerifier {
  readonly #start: ChainStart;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #tree: MerkleFrontier;
  readonly #encryptions: EncryptionLedger;
  #position: number;
  #hash: Buffer;
  /** Memory for the next hash. */
  #computed: Buffer = Buffer.alloc(HASH_BYTES);
  #previousHead: Buffer | undefined;
  #firstHead: HeadContent | undefined;
  #lastHead: HeadContent | undefined;
  #heads = 0;

  /** @param keys the public keys whose signatures count, by their ids. */
  constructor(start: ChainStart, keys: ReadonlyMap<string, KeyObject>) {
    this.#start = start;
    this.#keys = keys;
    this.#tree = MerkleFrontier.of(start.from - 1, start.peaks);
    this.#encryptions = new EncryptionLedger(start.from);
    this.#position = start.from - 1;
    this.#hash = Buffer.from(start.before);
    this.#previousHead = start.previousHead;
    if (start.from === 1 && !start.before.equals(start.origin)) {
      throw new LogFault('the chain does not begin with the hash of its origin', 1);
    }
  }

  /** The last position that was followed. */
  get position(): number {
    return this.#position;
  }

  /** The hash of the chain at that position. */
  get hash(): Buffer {
    return Buffer.from(this.#hash);
  }

  /** The Merkle tree of all events up to that position. */
  get tree(): Pick<MerkleFrontier, 'root' | 'peaks'> {
    return this.#tree;
  }

  /** The first head that was confirmed. */
  get firstHead(): HeadContent | undefined {
    return this.#firstHead;
  }

  /** The last head that was confirmed: all events up to its position are what was signed. */
  get lastHead(): HeadContent | undefined {
    return this.#lastHead;
  }

  /** Number of heads that were confirmed. */
  get heads(): number {
    return this.#heads;
  }

  /** Events that were encrypted after they were recorded. */
  get encryptions(): Pick<EncryptionLedger, 'certified' | 'uncertified'> {
    return this.#encryptions;
  }

  /** @throws {LogFault} if this is not the next event of the chain, or if it certifies something other than the log has. */
  next({ position, leaf, hash, encrypted, certificate }: ChainedEvent): void {
    const expected = this.#position + 1;
    if (position !== expected) {
      const what =
        position > expected ? 'it is missing, or was moved' : 'it is missing, or another one is there a second time';
      throw new LogFault(`${what}: position ${position} follows instead`, expected);
    }
    const computed = chainHash(this.#hash, leaf, this.#computed);
    if (!computed.equals(hash)) {
      throw new LogFault('the event was altered, or its hash, or the event before it together with its hash', position);
    }
    this.#tree.push(leaf);
    this.#position = position;
    [this.#hash, this.#computed] = [computed, this.#hash];
    if (encrypted) this.#encryptions.add(position, encrypted);
    const fault = certificate && this.#encryptions.certify(certificate);
    if (fault) throw new LogFault(`${fault.reason} (event ${position})`, fault.from, fault.to);
  }

  /**
   * Compares a head with the chain at the position that was reached.
   * @throws {LogFault} if it is not signed by one of the keys, or the chain is not what was signed.
   */
  head(signed: SignedHead): void {
    const head = readHead(signed.text);
    const from = this.#firstUnproved;
    const at = Math.max(from, this.#position);
    if (!head) throw new LogFault('the text of a head has another form than it is signed in', at);
    const { position, keyId } = head;
    const key = this.#keys.get(keyId);
    if (!key) throw new LogFault(`the head is signed by another key (${keyId}) than yours`, at);
    if (!isSignedBy(signed, key)) {
      throw new LogFault(`the signature of the head does not fit its text and the key ${keyId}`, at);
    }
    if (position !== this.#position || position < from) {
      const reason = `there is a head of position ${position}, which does not belong here`;
      // If it belongs to a later position, what is missing is the event that should be here.
      throw new LogFault(reason, position > at ? this.#position + 1 : at);
    }
    if (!head.origin.equals(this.#start.origin))
      throw new LogFault('the head was signed for another log', from, position);
    if (!head.hash.equals(this.#hash)) throw new LogFault(notSigned('the hash of the chain'), from, position);
    if (!this.#tree.root()?.equals(head.root))
      throw new LogFault(notSigned('the root of the Merkle tree'), from, position);
    if (!sameHash(head.previous, this.#previousHead)) {
      throw new LogFault('the head does not follow the one before: a head was removed or inserted', from, position);
    }
    this.#firstHead ??= head;
    this.#lastHead = head;
    this.#previousHead = headHash(signed.text);
    this.#heads++;
    this.#encryptions.sign();
  }

  get #firstUnproved(): number {
    return (this.#lastHead?.position ?? this.#start.from - 1) + 1;
  }
}

function notSigned(what: string): string {
  return `these events form a chain, but are not what was signed: ${what} differs from the head`;
}

function sameHash(first: Buffer | undefined, second: Buffer | undefined): boolean {
  return first === undefined || second === undefined ? first === second : first.equals(second);
}

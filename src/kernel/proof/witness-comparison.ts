import type { KeyObject } from 'node:crypto';
import { LogFault } from './log-fault.ts';
import { isSignedBy, type SignedHead } from './signed-head.ts';
import { type WitnessedHead, witnessedHeads } from './witnessed-heads.ts';

/**
 * Compares the heads of an export with those that a witness has, which the owner of the database could not change. Both are
 * read once, side by side.
 */
export class WitnessComparison {
  readonly #heads: AsyncIterator<WitnessedHead>;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  #next: WitnessedHead | undefined;
  /** The last head that the witness has confirmed, or from where on it is asked. */
  #confirmed: number;
  #count = 0;

  private constructor(heads: AsyncIterator<WitnessedHead>, keys: ReadonlyMap<string, KeyObject>, from: number) {
    this.#heads = heads;
    this.#keys = keys;
    this.#confirmed = from - 1;
  }

  /**
   * @param lines of the witness: a head each. It may have one twice.
   * @param from the first position of the export. What the witness has of the time before does not matter.
   */
  static async of(
    lines: AsyncIterable<string>,
    keys: ReadonlyMap<string, KeyObject>,
    from: number,
  ): Promise<WitnessComparison> {
    const comparison = new WitnessComparison(witnessedHeads(lines, from - 1), keys, from);
    await comparison.#advance();
    return comparison;
  }

  /** Number of heads of the export that the witness has too. */
  get count(): number {
    return this.#count;
  }

  /** @param signed the next head of the export. @throws {LogFault} if the witness has others. */
  async compare(signed: SignedHead, position: number): Promise<void> {
    const witnessed = this.#next;
    if (!witnessed || witnessed.content.position > position) return;
    if (witnessed.signed.text !== signed.text) {
      throw new LogFault(
        `the witness has another head, of position ${witnessed.content.position}: the log was written anew`,
        this.#confirmed + 1,
        position,
      );
    }
    this.#confirmed = position;
    this.#count++;
    await this.#advance();
  }

  /**
   * @param end the last position of the export.
   * @throws {LogFault} if the witness has more heads.
   */
  finish(end: number): void {
    const position = this.#next?.content.position;
    if (position === undefined) return;
    throw position > end
      ? new LogFault(`the export ends here, and the witness has a head of position ${position}`, end + 1, position)
      : new LogFault(
          `the witness has a head of position ${position} that the export lacks`,
          this.#confirmed + 1,
          position,
        );
  }

  async #advance(): Promise<void> {
    const { value } = await this.#heads.next();
    this.#next = value;
    if (!this.#next) return;
    const { signed, content } = this.#next;
    const key = this.#keys.get(content.keyId);
    if (!key || !isSignedBy(signed, key)) {
      throw new LogFault(
        `the witness has a head of position ${content.position} that is not signed with your key`,
        content.position,
      );
    }
  }
}

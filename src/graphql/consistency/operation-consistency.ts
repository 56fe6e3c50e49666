import type { Engine } from '../../kernel/engine.ts';
import { freshnessOf } from './wait.ts';

/** What an operation has waited for, read and written. Its answer shows this in `extensions.consistency`. */
export class OperationConsistency {
  readonly #engine: Engine;
  #appended: number | undefined;
  /** Everything that was read is at least this fresh. */
  #read: number | undefined;
  #touched: readonly string[] | undefined;
  #isStale = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Position of the last event that the operation appended; undefined if it has appended none. */
  get appended(): number | undefined {
    return this.#appended;
  }

  /** The read models that the operation's fields are resolved from. */
  get touched(): readonly string[] {
    return this.#touched ?? [];
  }

  /** True if a field of the operation declares that it is resolved from this read model, or the operation is not known. */
  isDeclared(readModel: string): boolean {
    return this.#touched?.includes(readModel) ?? true;
  }

  /** True if data that was read had not caught up in time, or lacks events. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /**
   * A token for the answer. After a mutation it stands for the last event that it appended, so that a client reads its own
   * writes; otherwise for a position that the data includes.
   */
  get token(): string {
    const { tokens, projector } = this.#engine;
    return tokens.encode(this.#appended ?? this.#read ?? projector.head.position);
  }

  /** The operation has appended events, the last one at this position. */
  hasAppended(position: number): void {
    this.#appended = Math.max(this.#appended ?? 0, position);
  }

  /** The operation reads these read models from now on. */
  reads(touched: readonly string[]): void {
    this.#read = freshnessOf(this.#engine, touched);
  }

  /** Data that is read has not caught up in time, or lacks events. */
  markStale(): void {
    this.#isStale = true;
  }

  /** The operation's fields, or those of its messages, are resolved from these read models. */
  executes(touched: readonly string[]): void {
    this.#touched = touched;
  }

  /**
   * A message of the subscription begins: what was known of the one before is no longer said.
   * @param position the message is at least this fresh; undefined if there is no further message.
   */
  beginMessage(position: number | undefined): void {
    this.#isStale = false;
    if (position !== undefined) this.#read = Math.min(position, freshnessOf(this.#engine, this.touched));
  }
}

import type { Receipt } from '../../kernel/define/command-outcome.ts';
import type { Engine } from '../../kernel/engine.ts';
import { freshnessOf } from './wait.ts';

/** The receipt of an accepted command whose place in the data is missing, as `extensions.accepted` has it. */
interface LostReceipt extends Omit<Receipt, 'position'> {
  /** The name of the mutation's field in the answer. */
  readonly field: string;
  readonly token: string;
}

/** What an operation has waited for, read and written. Its answer shows this in `extensions.consistency`. */
export class OperationConsistency {
  readonly #engine: Engine;
  #appended: number | undefined;
  /** Receipts of the commands that were accepted, by the names of their fields in the answer. */
  #receipts: Map<string, Receipt> | undefined;
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

  /** A command of the operation was accepted. @param field the name of its field in the answer. */
  hasAccepted(field: string, receipt: Receipt): void {
    this.#receipts ??= new Map();
    this.#receipts.set(field, receipt);
    this.#appended = Math.max(this.#appended ?? 0, receipt.position);
  }

  /**
   * The receipts that the data of the answer lacks, because something in their selections failed. Undefined if it lacks
   * none.
   */
  receiptsMissingIn(data: Readonly<Record<string, unknown>> | null | undefined): readonly LostReceipt[] | undefined {
    if (!this.#receipts) return undefined;
    const lost = [...this.#receipts].filter(([field]) => data?.[field] == null);
    if (lost.length === 0) return undefined;
    const { tokens } = this.#engine;
    return lost.map(([field, { position, ...receipt }]) => ({ field, ...receipt, token: tokens.encode(position) }));
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

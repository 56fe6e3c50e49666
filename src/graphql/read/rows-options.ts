import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { ReadRecorder } from './read-recorder.ts';

/** Budget for the rows that an operation holds. */
export interface ReadBudget {
  /** @throws if the budget is exhausted. */
  read(rows: readonly RowValues[], readModel: string): void;
  /** The charged rows are no longer held. */
  released(): void;
}

/** What an operation does with the rows that it reads. */
export interface RowsOptions {
  /** For whom is read: rows by key are read for callers in turn. */
  readonly caller?: string;
  /**
   * Called for every row that lacks events because they could not be applied, and for every answer from which rows may
   * be missing for that reason: a list, or no row.
   */
  readonly onStale?: () => void;
  /** Charged for every row that is read; without one rows are free. */
  readonly budget?: ReadBudget;
  /** True if events of a read model wait in its dead letters. */
  readonly hasParked?: (projection: string) => boolean;
  /** Told what is read. */
  readonly recorder?: ReadRecorder | undefined;
  /** True if a field of the operation declares that it is resolved from a read model. */
  readonly isDeclared?: (projection: string) => boolean;
}

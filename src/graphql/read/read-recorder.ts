import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { Conditions } from './pages/count.ts';
import type { Visibility } from './visibility.ts';

/** Is told what an operation reads, before each read begins. A change that is announced after that may concern it. */
export interface ReadRecorder {
  /** The row of a read model with this key, whether or not it exists. */
  row(projection: string, key: string): void;
  /** Any rows of a read model: every change of it may concern the operation. */
  rows(projection: string): void;
  /**
   * One page of a list.
   * @returns a function to call with the rows that were read. Until then every change of the read model may concern the page.
   */
  page(projection: Projection, list: RecordedList): (rows: Iterable<RowValues>) => void;
  /** The number of rows of a list. */
  count(projection: Projection, list: RecordedList): void;
  /** The operation has a statement of its own. It may read whatever the fields of the operation declare. */
  statement(): void;
  /** What is read depends on the rights of the caller to this read model. */
  rights(projection: string): void;
}

/** Which rows a list has: those that the caller may see and that fulfil the conditions. */
export interface RecordedList {
  readonly visibility: Visibility;
  readonly conditions: Conditions;
}

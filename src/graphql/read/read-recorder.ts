/** Is told what an operation reads, before each read begins. A change that is announced after that may concern it. */
export interface ReadRecorder {
  /** The row of a read model with this key, whether or not it exists. */
  row(projection: string, key: string): void;
  /** Rows of a read model that have no key in common: every change of it may concern the operation. */
  rows(projection: string): void;
  /** The operation has a statement of its own. It may read whatever the fields of the operation declare. */
  statement(): void;
  /** What is read depends on the rights of the caller to this read model. */
  rights(projection: string): void;
}

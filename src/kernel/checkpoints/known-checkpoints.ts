import type { Checkpoint } from './checkpoints.ts';

/** Snapshot of what was known before the table was read. */
export interface Before {
  /** True if the rows that were read may be outdated. */
  readonly isOutdated: boolean;
}

/** The checkpoints as they were last read. The {@link LeaseKeeper} reports changes of those that this instance owns. */
export class KnownCheckpoints {
  #known: ReadonlyMap<string, Checkpoint> = new Map();

  /** A checkpoint as it was last read; undefined before that. */
  of(key: string): Checkpoint | undefined {
    return this.#known.get(key);
  }

  /** Call this before reading the table, and pass the result to {@link seen}. */
  before(): Before {
    return { isOutdated: false };
  }

  /**
   * Processes the rows of the table.
   * @param owned keys of the checkpoints that this instance owns.
   */
  async seen(all: readonly Checkpoint[], _owned: ReadonlySet<string>, _before: Before): Promise<void> {
    this.#known = new Map(all.map((checkpoint) => [checkpoint.key, checkpoint]));
  }

  /** A runner of this instance is about to start at its checkpoint. */
  starting(_checkpoint: Checkpoint): void {}

  /** A runner of this instance has started. It is at its checkpoint or ahead of it. */
  started(_checkpoint: Checkpoint): void {}

  /** A checkpoint is behind the position that its runner in this instance had, or has another generation. */
  wentBack(_checkpoint: Checkpoint): void {}
}

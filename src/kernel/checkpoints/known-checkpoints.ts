import type { Checkpoint } from './checkpoints.ts';

/** What was known before the table was read. */
export interface Before {
  /** True once what the table said may not be true any more. */
  readonly isOutdated: boolean;
}

/** The checkpoints as they were read last. Is told by the {@link LeaseKeeper} of what becomes of those that this instance owns. */
export class KnownCheckpoints {
  #known: ReadonlyMap<string, Checkpoint> = new Map();

  /** A checkpoint as it was read last; undefined before the first time. */
  of(key: string): Checkpoint | undefined {
    return this.#known.get(key);
  }

  /** Call it before the table is read, and pass the result to {@link seen}. */
  before(): Before {
    return { isOutdated: false };
  }

  /**
   * Takes over the table.
   * @param owned keys of the checkpoints that this instance owns.
   */
  async seen(all: readonly Checkpoint[], _owned: ReadonlySet<string>, _before: Before): Promise<void> {
    this.#known = new Map(all.map((checkpoint) => [checkpoint.key, checkpoint]));
  }

  /** A runner of this instance is about to start at its checkpoint. */
  starting(_checkpoint: Checkpoint): void {}

  /** A runner of this instance is at its checkpoint or ahead of it. */
  started(_checkpoint: Checkpoint): void {}

  /** A checkpoint is behind what its runner in this instance believed, or of another generation. */
  wentBack(_checkpoint: Checkpoint): void {}
}

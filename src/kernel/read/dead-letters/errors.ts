/** No event waits under this key. */
export class DeadLetterNotFoundError extends Error {
  readonly code = 'DEAD_LETTER_NOT_FOUND';

  constructor(projection: string, key: string) {
    super(`Nothing waits under ${key} in the dead letters of ${projection}.`);
    this.name = 'DeadLetterNotFoundError';
  }
}

/** Another event is now the first of the key. */
export class DeadLetterChangedError extends Error {
  readonly code = 'DEAD_LETTER_CHANGED';
  /** The position of that event. */
  readonly position: number;

  constructor(projection: string, key: string, position: number) {
    super(
      `The first event that waits under ${key} in the dead letters of ${projection} is at position ${position}: look at it again.`,
    );
    this.name = 'DeadLetterChangedError';
    this.position = position;
  }
}

/** This version of a read model has no checkpoint: no server has started it, or it was pruned. */
export class OtherVersionError extends Error {
  readonly code = 'OTHER_VERSION';

  constructor(projection: string, version: number) {
    super(
      `Version ${version} of ${projection} has never been filled here: ` +
        'dead letters can be applied only by the version that parked them.',
    );
    this.name = 'OtherVersionError';
  }
}

/** There is no such projection. */
export class UnknownProjectionError extends Error {
  readonly code = 'UNKNOWN_PROJECTION';

  constructor(projection: string, known: Iterable<string>) {
    super(`There is no projection ${JSON.stringify(projection.slice(0, 60))}; there are ${[...known].join(', ')}.`);
    this.name = 'UnknownProjectionError';
  }
}

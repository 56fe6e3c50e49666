import type { ReadRecorder } from '../../read/read-recorder.ts';

/** Notes the read models whose rules for the caller an execution has looked up, and nothing else of what it reads. */
export class RightsSeen implements ReadRecorder {
  readonly #rights = new Set<string>();

  get rightsTo(): ReadonlySet<string> {
    return this.#rights;
  }

  rights(projection: string): void {
    this.#rights.add(projection);
  }

  row(): void {}

  rows(): void {}

  page(): () => void {
    return () => {};
  }

  count(): void {}

  statement(): void {}
}

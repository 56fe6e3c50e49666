import type { CLI_ERROR_CODES } from '../errors.ts';

/** Something that `check` finds. */
export interface CheckProblem {
  readonly code: (typeof CLI_ERROR_CODES)[number] | (string & {});
  /** Where it is, what is wrong, and what to write. */
  readonly sentence: string;
}

/** A part of `check`: what it has found, and what it has written. */
export interface Checked {
  readonly problems: readonly CheckProblem[];
  /** Lines about what is right, was written, or deserves a look. */
  readonly lines: readonly string[];
}

export interface CheckOptions {
  /** Renew the committed files. */
  readonly write: boolean;
  /** No event of a schema version that has changed was ever stored: its committed shape may be replaced. */
  readonly unreleased: boolean;
}

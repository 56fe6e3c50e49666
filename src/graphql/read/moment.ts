import { BadUserInputError } from '../errors.ts';

/** Which of a row's versions is meant: the one that held at a time, or the one with a number. */
export type Moment = { readonly at: Date } | { readonly version: number };

/** As a client says it. */
export interface MomentArguments {
  readonly at?: Date | null | undefined;
  readonly version?: number | null | undefined;
}

/** The moment that a client names. @throws {BadUserInputError} where it names none, or two. */
export function momentOf({ at, version }: MomentArguments): Moment {
  if (at != null && version != null) throw new BadUserInputError('Give either `at` or `version`, not both.');
  if (at != null) return { at };
  if (version != null) return { version };
  throw new BadUserInputError('Give `at`, a time, or `version`, the number of a version.');
}

import { BadUserInputError } from '../../errors.ts';
import type { VersionRow } from './version-row.ts';

/** Selects one of a row's versions: by a time at which it was valid, or by its number. */
export type Moment = { readonly at: Date } | { readonly version: number };

/** The same as arguments of a query. */
export interface MomentArguments {
  readonly at?: Date | null | undefined;
  readonly version?: number | null | undefined;
}

/** The moment that a client names. @throws {BadUserInputError} if the client names none, or both. */
export function momentOf({ at, version }: MomentArguments): Moment {
  if (at != null && version != null) throw new BadUserInputError('Give either `at` or `version`, not both.');
  if (at != null) return { at };
  if (version != null) return { version };
  throw new BadUserInputError('Give `at`, a time, or `version`, the number of a version.');
}

/** True if the present version is the one that is asked for. */
export function isMeant({ validFrom, version }: VersionRow, moment: Moment): boolean {
  return 'version' in moment ? version === moment.version : validFrom <= moment.at;
}

import { DefinitionError } from './definition-error.ts';

/** The log and the checkpoints store versions as integers of Postgres. */
const GREATEST_VERSION = 2_147_483_647;

/**
 * Refuses a version that could not be stored, or would be stored and never found again.
 * @param owner whose version it is, such as `Projection orders`.
 * @param option its name as it is written in the definition, such as `version`.
 * @throws {DefinitionError} VERSION_MALFORMED if it is no whole number from 1 to 2147483647.
 */
export function refuseMalformedVersion(owner: string, option: string, version: number): void {
  if (Number.isInteger(version) && version >= 1 && version <= GREATEST_VERSION) return;
  throw new DefinitionError(
    'VERSION_MALFORMED',
    { owner, option, version },
    `${owner} has ${option}: ${version}. A version is a whole number from 1 to ${GREATEST_VERSION}: begin with 1, and add 1 for each change.`,
  );
}

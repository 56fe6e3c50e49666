/** Codes of mistakes in the definitions of an application. docs/errors.md explains each. */
export const DEFINITION_ERROR_CODES = [
  ...(['NAME_TAKEN', 'NAME_MISMATCH', 'NAME_RESERVED', 'NAME_MALFORMED', 'TABLE_TAKEN'] as const),
  ...(['NOT_MOUNTED', 'MOUNTED_LATER', 'UNDECLARED_ROLE', 'ALLOW_MISSING', 'SYSTEM_NOT_ALLOWED'] as const),
  ...(['EVOLVE_INCOMPLETE', 'NOTHING_HANDLED', 'NOTHING_BEGINS'] as const),
  ...(['VERSION_MALFORMED', 'UPCASTER_MISSING', 'UPCASTER_UNUSED'] as const),
  ...([
    'KEY_UNSUPPORTED',
    'HISTORY_INCOMPLETE',
    'NOT_A_READ_TABLE',
    'READ_UNDECLARED',
    'INPUT_UNSUPPORTED',
    'BAD_SETTING',
    'SUBJECT_MISSING',
    'PART_UNERASABLE',
    'PERSONAL_COLUMN_UNDECLARED',
    'PERSONAL_KEY',
    'PERSONAL_UNTRIED',
    'PERSONAL_COLUMN_UNMASKABLE',
  ] as const),
  'SEVERAL_MISTAKES',
] as const;

export type DefinitionErrorCode = (typeof DEFINITION_ERROR_CODES)[number];

/** The names that a mistake is about, for programs. */
export type DefinitionFacts = Readonly<Record<string, string | number | readonly string[]>>;

/** A mistake in a definition. The message names the place, the mistake, and what to write instead. */
export class DefinitionError extends Error {
  readonly code: DefinitionErrorCode;
  readonly facts: DefinitionFacts;

  constructor(code: DefinitionErrorCode, facts: DefinitionFacts, message: string) {
    super(message);
    this.name = 'DefinitionError';
    this.code = code;
    this.facts = facts;
  }
}

/** @throws {DefinitionError} the only mistake, or SEVERAL_MISTAKES with the sentences of all; nothing if there is none. */
export function refuseMistakes(mistakes: readonly DefinitionError[]): void {
  const [first, ...more] = mistakes;
  if (!first) return;
  if (more.length === 0) throw first;
  const lines = mistakes.map(({ code, message }, nth) => `${nth + 1}. ${code}: ${message}`);
  throw new DefinitionError(
    'SEVERAL_MISTAKES',
    { codes: mistakes.map(({ code }) => code) },
    `The application has ${mistakes.length} mistakes.\n${lines.join('\n')}`,
  );
}

/** A part is listed under a name that is not its own. @param owner such as `Process Reminder`. */
export function mismatch(owner: string, kind: 'command' | 'event', name: string, key: string): DefinitionError {
  const sentence = `${owner} lists ${kind} ${name} under ${key}. List it under its own name: { ${name} }.`;
  return new DefinitionError('NAME_MISMATCH', { owner, name, key }, sentence);
}

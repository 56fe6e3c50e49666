import { z } from 'zod';
import type { Command } from '../define/command.ts';
import type { InputIssue } from '../define/command-outcome.ts';
import { isDerivedId } from '../define/derived-id.ts';
import type { IdsFrom } from './command-identity.ts';

const CommandId = z.guid('A commandId is a UUID.').nullish();
const ExpectedVersion = z
  .int32('An expectedVersion is a whole number.')
  .nonnegative('An expectedVersion is 0 or more.')
  .nullish();

/** The problem with an id that only the application may use, as the end of a sentence. */
export const RESERVED = 'has a form that is reserved for the application. Use a UUID of version 4 or 7.';

export type Validated = { readonly input: unknown } | { readonly issues: readonly InputIssue[] };

/** Validates input, and reports all mistakes of a client at once. */
export function validate(
  command: Command,
  input: unknown,
  options: {
    readonly commandId?: string | null | undefined;
    readonly idsFrom?: IdsFrom;
    readonly expectedVersion?: number | null | undefined;
  },
): Validated {
  const issues: InputIssue[] = [];
  const collect = (prefix: string[], result: z.ZodSafeParseResult<unknown>) => {
    for (const issue of result.error?.issues ?? []) {
      issues.push({ path: [...prefix, ...issue.path.map(String)], message: issue.message });
    }
  };
  collect(['commandId'], CommandId.safeParse(options.commandId));
  if (options.commandId && options.idsFrom !== 'engine' && isDerivedId(options.commandId)) {
    issues.push({ path: ['commandId'], message: `This commandId ${RESERVED}` });
  }
  collect(['expectedVersion'], ExpectedVersion.safeParse(options.expectedVersion));
  const parsed = command.input.safeParse(input);
  collect([], parsed);
  collectUnstorable(parsed.success ? parsed.data : input, [], issues);
  return issues.length > 0 || !parsed.success ? { issues } : { input: parsed.data };
}

/** Reports text that JSON in Postgres cannot store: NUL and lone surrogates. */
function collectUnstorable(value: unknown, path: readonly string[], issues: InputIssue[]): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) issues.push({ path, message: 'The character NUL cannot be stored.' });
    else if (!value.isWellFormed()) issues.push({ path, message: 'The text is not well-formed Unicode.' });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collectUnstorable(item, [...path, String(index)], issues);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      collectUnstorable(key, path, issues);
      collectUnstorable(item, [...path, key], issues);
    }
  }
}

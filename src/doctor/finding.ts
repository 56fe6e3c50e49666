/** One line of what `doctor` says. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was looked at: `version`, `connections`. */
  readonly check: string;
  /** What was found. */
  readonly fact: string;
  /** What to do about it; undefined if nothing is to be done. */
  readonly advice?: string | undefined;
}

export const ok = (check: string, fact: string): Finding => ({ level: 'ok', check, fact });
export const warning = (check: string, fact: string, advice: string): Finding => ({
  level: 'warning',
  check,
  fact,
  advice,
});
export const problem = (check: string, fact: string, advice: string): Finding => ({
  level: 'problem',
  check,
  fact,
  advice,
});

/** What `doctor` checks, in the order of its lines. */
export const CHECKS = [
  ...([
    'node',
    'connection',
    'server',
    'writing',
    'locale',
    'encryption',
    'settings',
    'rights',
    'roles',
    'connections',
    'pooler',
    'clock',
  ] as const),
  ...(['durability', 'activity', 'transactions', 'migration lock', 'standbys', 'replica'] as const),
  ...(['log', 'migrations', 'events', 'time of the log', 'checkpoints', 'parked'] as const),
] as const;

export type Check = (typeof CHECKS)[number];

/** One line of `doctor`'s output. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly check: Check;
  /** What was found. */
  readonly fact: string;
  /** What to do about it; undefined if there is nothing to do. */
  readonly advice?: string | undefined;
}

export const ok = (check: Check, fact: string): Finding => ({ level: 'ok', check, fact });
export const warning = (check: Check, fact: string, advice: string): Finding => ({
  level: 'warning',
  check,
  fact,
  advice,
});
export const problem = (check: Check, fact: string, advice: string): Finding => ({
  level: 'problem',
  check,
  fact,
  advice,
});

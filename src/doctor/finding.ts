/** The checks of `doctor`, in the order of its output. */
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
  ...(['log', 'migrations', 'events', 'time of the log', 'checkpoints', 'parked', 'snapshots'] as const),
] as const;

export type CheckName = (typeof CHECKS)[number];

/** One line of `doctor`'s output. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly check: CheckName;
  /** What was found. */
  readonly fact: string;
  /** The advice; undefined if there is nothing to do. */
  readonly advice?: string | undefined;
}

export const ok = (check: CheckName, fact: string): Finding => ({ level: 'ok', check, fact });
export const warning = (check: CheckName, fact: string, advice: string): Finding => ({
  level: 'warning',
  check,
  fact,
  advice,
});
export const problem = (check: CheckName, fact: string, advice: string): Finding => ({
  level: 'problem',
  check,
  fact,
  advice,
});

/** The lag of a read model in one word: see {@link lagStateOf}. */
export type LagState = 'NORMAL' | 'WARNING' | 'CRITICAL' | 'EMERGENCY';

/** Lower bounds in ms, the worst first. */
const BOUNDS: readonly (readonly [LagState, number])[] = [
  ['EMERGENCY', 30_000],
  ['CRITICAL', 2000],
  ['WARNING', 200],
];

/** Classifies a lag: NORMAL < 200 ms ≤ WARNING < 2 s ≤ CRITICAL < 30 s ≤ EMERGENCY. */
export function lagStateOf(lagMs: number): LagState {
  return BOUNDS.find(([, bound]) => lagMs >= bound)?.[0] ?? 'NORMAL';
}

const ORDER: readonly LagState[] = ['NORMAL', 'WARNING', 'CRITICAL', 'EMERGENCY'];

/** True if `a` is further behind than `b`. */
export function isWorse(a: LagState, b: LagState): boolean {
  return ORDER.indexOf(a) > ORDER.indexOf(b);
}

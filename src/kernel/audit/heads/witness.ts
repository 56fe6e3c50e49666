/**
 * Keeps signed heads where the owner of the database cannot change them.
 *
 * It is given every head at least once, in the order of their positions, and the next one only after it has taken the one
 * before. It throws if it could not take one: then it is given the same again, after a pause.
 */
export interface HeadWitness {
  /** Identifies it. If it is another one than before, it is given all heads from the first on. */
  readonly id: string;
  /** @param line the head as in an export, see docs/audit.md, without a line feed. */
  take(head: { readonly line: string; readonly position: number }, signal: AbortSignal): Promise<void>;
}

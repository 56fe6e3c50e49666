/**
 * Keeps signed heads where the owner of the database cannot change them.
 *
 * It is given heads in the order of their positions, and the next one only after it has taken the one before. It begins with the
 * newest head of the time at which it was set, and gets every later one at least once. It throws if it could not take one: then it is
 * given the same again, after a pause.
 */
export interface HeadWitness {
  /** Identifies it. Another one than before begins with the newest head. */
  readonly id: string;
  /** @param line the head as in an export, see docs/audit.md, without a line feed. */
  take(head: { readonly line: string; readonly position: number }, signal: AbortSignal): Promise<void>;
  /**
   * The last head that it has, if it can tell: it then goes on there although the database has no receipt of it. Undefined if it has none.
   * @returns its position, and the hash of its text.
   */
  last?(): Promise<{ readonly position: number; readonly hash: Buffer } | undefined>;
}

/** Up to where a witness is given no heads any more. */
export interface WitnessReach {
  readonly position: number;
  /** Null if it is not known to have taken a head: it begins after this position. */
  readonly receipt: string | null;
}

import type { Attacker } from './attacker.ts';

/** Something that a caller could do to harm others. */
export interface Attack {
  /** The name for `npm run abuse -- --only NAME`. */
  readonly name: string;
  /** The attacker's actions, as a sentence for the report. */
  readonly description: string;
  /** Honest work before the attack, such as writing the notes that it is about. Not measured. */
  readonly prepare?: (attacker: Attacker) => Promise<void>;
  /** Goes on until `attacker.signal` is aborted, or until it has sent all that it wants to. */
  readonly run: (attacker: Attacker) => Promise<void>;
}

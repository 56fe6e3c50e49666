import type { Actor } from '../kernel/define/actor.ts';

/** What is done for an operation without a pause, as far as it is known by then. */
export interface Phase {
  /** `execute` also stands for going on after an answer of the database, `answer` for what makes the answer a text. */
  readonly name: 'parse' | 'validate' | 'execute' | 'answer';
  /** The text of the document. */
  readonly document: string | undefined;
  readonly operationName: string | undefined;
  readonly kind: string | undefined;
  readonly actor: Actor | null | undefined;
  readonly correlationId: string | undefined;
}

/** Told what the process does at each moment, to know later what has kept the event loop. Must be cheap and must not throw. */
export interface PhaseListener {
  /** It begins. */
  began(phase: () => Phase): void;
  /** Something else begins. */
  ended(): void;
}

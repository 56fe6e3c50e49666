import type { Actor } from '../kernel/define/access/actor.ts';

/** Work for an operation without a pause, with what is known about the operation at that time. */
export interface OperationPhase {
  /** `execute` includes resuming after an answer of the database, `answer` is the serialisation of the answer. */
  readonly name: 'parse' | 'validate' | 'execute' | 'answer';
  /** The text of the document. */
  readonly document: string | undefined;
  readonly operationName: string | undefined;
  readonly kind: string | undefined;
  readonly actor: Actor | null | undefined;
  readonly correlationId: string | undefined;
}

/**
 * Told what the process does at each moment, to explain later what has blocked the event loop. Must be cheap and must
 * not throw.
 */
export interface PhaseListener {
  /** A phase begins. */
  began(phase: () => OperationPhase): void;
  /** The phase is over. */
  ended(): void;
}

import { pause } from '../../../scheduling/sleeper.ts';
import type { CheckpointId } from '../../define/checkpoint-id.ts';
import type { EngineObserver, FaultMet } from '../../observe/occurrences.ts';
import type { Checkpoint } from '../checkpoints.ts';
import { RENEW_MS } from './lease-statements.ts';
import type { Leases } from './leases.ts';

export interface HeldLeaseParts {
  readonly leases: Pick<Leases, 'hold' | 'give'>;
  /** This instance. */
  readonly instanceId: string;
  readonly consumer: Pick<CheckpointId, 'key'>;
  /** Called at most once, if another instance owns the checkpoint, it was deleted, or its generation has changed. */
  readonly onLost: () => void;
  /** Told if the lease could not be renewed. The renewal is retried. */
  readonly observer: EngineObserver;
  /** What the lease is for, in the reports of faults. */
  readonly context: FaultMet['context'];
}

/**
 * Pause after the row was found locked, in ms. It is short, because the row of a shadow that is being filled is locked
 * most of the time.
 */
const LOCKED_MS = 50;

/**
 * An instance's lease of a checkpoint that is not shared, such as that of a shadow. It is renewed until it is released.
 */
export class HeldLease {
  /** The checkpoint at the time when the lease was taken. */
  readonly checkpoint: Checkpoint;
  readonly #parts: HeldLeaseParts;
  readonly #ending = new AbortController();
  readonly #renewing: Promise<void>;

  /** @returns undefined if another instance owns the checkpoint, or it was deleted. */
  static async take(parts: HeldLeaseParts): Promise<HeldLease | undefined> {
    const checkpoint = await parts.leases.hold(parts.instanceId, parts.consumer);
    return checkpoint && new HeldLease(parts, checkpoint);
  }

  private constructor(parts: HeldLeaseParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.checkpoint = checkpoint;
    this.#renewing = this.#renew();
  }

  /** Leaves the checkpoint to other instances. Does nothing if another one owns it already. */
  async release(): Promise<void> {
    const { leases, instanceId, consumer } = this.#parts;
    this.#ending.abort();
    await this.#renewing;
    await leases.give(instanceId, consumer.key);
  }

  async #renew(): Promise<void> {
    const { leases, instanceId, consumer, onLost, observer, context } = this.#parts;
    const { signal } = this.#ending;
    let waitMs = RENEW_MS;
    for (;;) {
      await pause(waitMs, signal);
      if (signal.aborted) return;
      try {
        const held = await leases.hold(instanceId, consumer);
        if (signal.aborted) return;
        if (held?.generation !== this.checkpoint.generation) return onLost();
        waitMs = held.isRenewed ? RENEW_MS : LOCKED_MS;
      } catch (error) {
        observer.tell('faultMet', { error, context });
        waitMs = RENEW_MS;
      }
    }
  }
}

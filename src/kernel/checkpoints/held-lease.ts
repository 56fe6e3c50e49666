import { pause } from '../../scheduling/sleeper.ts';
import type { CheckpointId } from '../define/checkpoint-id.ts';
import type { Checkpoint } from './checkpoints.ts';
import { RENEW_MS } from './lease-statements.ts';
import type { Leases } from './leases.ts';

export interface HeldLeaseParts {
  readonly leases: Pick<Leases, 'hold' | 'give'>;
  /** This instance. */
  readonly instanceId: string;
  readonly consumer: Pick<CheckpointId, 'key'>;
  /** Another instance has the checkpoint, it is gone, or its generation is another one. Called once at most. */
  readonly onLost: () => void;
  /** The lease could not be renewed. That is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Pause after the row was locked, in ms: a shadow that is being filled is locked for much of the time. */
const LOCKED_MS = 50;

/** One instance's lease of a checkpoint that it shares with nobody, such as that of a shadow. It is renewed until it is released. */
export class HeldLease {
  /** As it was when it was taken. */
  readonly checkpoint: Checkpoint;
  readonly #parts: HeldLeaseParts;
  readonly #ending = new AbortController();
  readonly #renewing: Promise<void>;

  /** @returns undefined if another instance has the checkpoint, or it is gone. */
  static async take(parts: HeldLeaseParts): Promise<HeldLease | undefined> {
    const checkpoint = await parts.leases.hold(parts.instanceId, parts.consumer);
    return checkpoint && new HeldLease(parts, checkpoint);
  }

  private constructor(parts: HeldLeaseParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.checkpoint = checkpoint;
    this.#renewing = this.#renew();
  }

  /** Leaves the checkpoint to other instances, unless it is theirs already. */
  async release(): Promise<void> {
    const { leases, instanceId, consumer } = this.#parts;
    this.#ending.abort();
    await this.#renewing;
    await leases.give(instanceId, consumer.key);
  }

  async #renew(): Promise<void> {
    const { leases, instanceId, consumer, onLost, onError } = this.#parts;
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
        onError(error);
        waitMs = RENEW_MS;
      }
    }
  }
}

import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Runner } from '../../checkpoints/leases/lease-keeper.ts';

/** Why a projection stands still, here and in its checkpoint, where other instances see it. */
export class StoredFailure {
  readonly #parts: { readonly checkpoints: Checkpoints; readonly owner: string };
  readonly #runner: Pick<Runner, 'name' | 'generation' | 'isAhead'>;
  #current: string | null = null;
  /** The failure that is stored in the checkpoint. */
  #stored: string | null = null;

  constructor(
    parts: { readonly checkpoints: Checkpoints; readonly owner: string },
    runner: Pick<Runner, 'name' | 'generation' | 'isAhead'>,
  ) {
    this.#parts = parts;
    this.#runner = runner;
  }

  /** Null while the projection advances. */
  get current(): string | null {
    return this.#current;
  }

  /**
   * The projection starts. The former owner's failure may have been on this projection's side, so the failure is kept
   * until an attempt succeeds.
   */
  found(failure: string | null): void {
    this.#current = failure;
    this.#stored = failure;
  }

  /**
   * Stores why it cannot continue, unless that is stored already.
   * @throws {FencedError} if another instance owns the checkpoint now.
   */
  async set(failure: string | null): Promise<void> {
    this.#current = failure;
    if (this.#stored === failure) return;
    const { checkpoints, owner } = this.#parts;
    const { name: key, generation, isAhead } = this.#runner;
    await checkpoints.setFailure({ key, owner, generation }, { failure, isAhead });
    this.#stored = failure;
  }
}

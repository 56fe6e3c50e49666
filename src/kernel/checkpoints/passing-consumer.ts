import type { RecordedEvent } from '../define/event.ts';
import type { LogHead } from '../log/log-head.ts';
import type { IdleMoves } from './idle-moves.ts';
import { LogConsumer, type LogPage, type StartingPoint } from './log-consumer.ts';

/**
 * A consumer that passes pages which do not concern it without any statement. Its checkpoint follows a little later, or
 * with the next page that does concern it.
 */
export abstract class PassingConsumer<Page extends LogPage> extends LogConsumer<Page> {
  #passedTo = 0;
  /** The checkpoint could not be moved: the events are handled as if they concerned it, which reports and retries. */
  #mustHandle = false;
  #isHandling = false;
  #moving: Promise<void> | undefined;
  readonly #idleMoves: IdleMoves | undefined;
  readonly #follow = () => void this.#moveCheckpoint();

  /** @param idleMoves undefined if every page moves the checkpoint at once. */
  constructor(name: string, head: Pick<LogHead, 'position'>, idleMoves: IdleMoves | undefined) {
    super(name, head);
    this.#idleMoves = idleMoves;
  }

  /** Everything up to this position is done. The checkpoint may be before it. */
  protected get doneTo(): number {
    return Math.max(this.#passedTo, this.position);
  }

  /** True if no event of a page concerns it. */
  protected abstract passes(page: Page): boolean;

  /** Called after a page was passed. */
  protected abstract passed(page: Page): void;

  /** Handles a page that concerns it, and moves the checkpoint from `position` past the page. See {@link handle}. */
  protected abstract work(page: Page): Promise<void>;

  /** Moves the checkpoint from `position`, and does nothing else. */
  protected abstract moveTo(position: number): Promise<void>;

  protected override starting({ position }: StartingPoint): void {
    this.#passedTo = position;
    this.#mustHandle = false;
  }

  protected override async handle(page: Page): Promise<void> {
    if (!this.#mustHandle && this.#idleMoves?.mayWait && this.passes(page)) {
      this.#passedTo = (page.events.at(-1) as RecordedEvent).position;
      this.passed(page);
      this.#idleMoves.soon(this.#follow);
      return;
    }
    this.#isHandling = true;
    try {
      await this.#moving;
      await this.work(page);
      this.#mustHandle = false;
    } finally {
      this.#isHandling = false;
    }
  }

  protected override async rewind(): Promise<void> {
    // Otherwise pages would be read again that the checkpoint is past a moment later.
    await this.#moving;
    await this.#rewindNow();
  }

  async #rewindNow(): Promise<void> {
    this.#passedTo = this.position;
    await super.rewind();
  }

  protected override async ended(): Promise<void> {
    await this.#moving;
    // The next owner need not pass the same events again.
    await this.#moveCheckpoint();
  }

  /** A page that is being handled moves the checkpoint itself. */
  async #moveCheckpoint(): Promise<void> {
    const to = this.#passedTo;
    if (this.#isHandling || this.#mustHandle || !this.isRunning || to <= this.position) return;
    if (this.#moving) {
      this.#idleMoves?.soon(this.#follow);
      return;
    }
    this.#moving = this.moveTo(to).then(
      () => this.advancedTo(to),
      () => {
        this.#mustHandle = true;
        void this.#rewindNow();
        this.wake();
      },
    );
    await this.#moving;
    this.#moving = undefined;
  }
}

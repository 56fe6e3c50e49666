import type { ActiveCallers } from '../../../scheduling/active-callers.ts';
import { CallerWindows, type TaskShare } from '../../../scheduling/caller-windows.ts';
import { UsualWeights } from '../../../scheduling/usual-weights.ts';
import { approximateBytes } from '../../bytes.ts';
import type { EngineOptions } from '../../engine-options.ts';
import { ThrottledError } from '../../errors.ts';

/** A number of one caller's commands, and the approximate bytes of their inputs in memory. */
export interface CommandShare {
  readonly count: number;
  readonly bytes: number;
}

export interface WindowLimits {
  /**
   * How much of one caller is executed at the same time while other callers are active. A command that is larger is
   * executed alone.
   */
  readonly running: CommandShare;
  /** How much may wait, of one caller and of all together. */
  readonly waiting: CommandShare;
  readonly waitingOfAll: CommandShare;
}

const DEFAULTS = { commands: 8, bytes: 256 * 1024, waiting: 10_000, waitingBytes: 64 * 2 ** 20 };

/** The limits of an engine's windows. As much may wait here as in the append queue. */
export function windowLimits(options: EngineOptions): WindowLimits {
  const { queueLimit = DEFAULTS.waiting, queueBytes = DEFAULTS.waitingBytes } = options;
  const { queueLimitPerActor = queueLimit, queueBytesPerActor = queueBytes } = options;
  const { commandsAtOncePerActor = DEFAULTS.commands, commandBytesAtOncePerActor = DEFAULTS.bytes } = options;
  return {
    running: { count: commandsAtOncePerActor, bytes: commandBytesAtOncePerActor },
    waiting: { count: queueLimitPerActor, bytes: queueBytesPerActor },
    waitingOfAll: { count: queueLimit, bytes: queueBytes },
  };
}

/** When a caller with too many waiting commands should try again, in ms. */
const RETRY_AFTER_MS = 1000;

/**
 * Limits how many commands of one caller are executed at the same time while other callers are active. A caller who is
 * alone has no limit. Commands that are executed at the same time share a batch of the log and of each read model, and
 * everybody waits for these batches: the size of the window is what others wait for. Commands of processes count for
 * the caller whose request caused them. Commands of one caller start in the order of the calls.
 *
 * A command takes as much room as its input, or as the events of the caller's commands usually do: a small input can
 * have large events, for example those that revert something.
 */
export class CommandWindows {
  readonly #activeCallers: ActiveCallers;
  readonly #limits: WindowLimits;
  readonly #windows: CallerWindows;
  /** Bytes of the events of a command. */
  readonly #usual = new UsualWeights();

  constructor(activeCallers: ActiveCallers, limits: WindowLimits) {
    this.#activeCallers = activeCallers;
    this.#limits = limits;
    const { count, bytes: weight } = limits.running;
    this.#windows = new CallerWindows(activeCallers, { count, weight });
  }

  /**
   * Executes a command as soon as the window of its caller has room.
   * @param isRefusable false for work of the application and for work that continues accepted work: it waits, however
   * much is waiting already.
   * @throws {ThrottledError} if too many commands of the caller wait. The command was not executed.
   */
  async execute<T>(caller: string, input: unknown, isRefusable: boolean, work: () => Promise<T>): Promise<T> {
    if (isRefusable) this.#activeCallers.saw(caller);
    const bytes = Math.max(approximateBytes(input), this.#usual.of(caller));
    if (isRefusable && !this.#windows.isOpen(caller, bytes)) this.#refuseIfFull(caller, bytes);
    return this.#windows.run(caller, bytes, work);
  }

  /** Records how many bytes of events a command of the caller has appended. */
  took(caller: string, bytes: number): void {
    this.#usual.add(caller, bytes);
  }

  #refuseIfFull(caller: string, bytes: number): void {
    const { waiting, waitingOfAll } = this.#limits;
    if (isFull(this.#windows.waitingOf(caller), waiting, bytes)) {
      throw new ThrottledError(RETRY_AFTER_MS, 'Too many of your commands wait to be executed.');
    }
    if (isFull(this.#windows.waiting, waitingOfAll, bytes)) {
      throw new ThrottledError(RETRY_AFTER_MS, 'Too many commands wait to be executed.');
    }
  }
}

function isFull({ count, weight }: TaskShare, most: CommandShare, more: number): boolean {
  return count >= most.count || (count > 0 && weight + more > most.bytes);
}

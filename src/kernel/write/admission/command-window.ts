import type { Company } from '../../../scheduling/company.ts';
import { Fifo } from '../../../scheduling/fifo.ts';
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

interface WaitingCommand {
  readonly bytes: number;
  readonly begin: () => void;
}

interface CallerWindow {
  running: number;
  runningBytes: number;
  readonly waiting: Fifo<WaitingCommand>;
  waitingBytes: number;
}

/**
 * Limits how many commands of one caller are executed at the same time while other callers are active. A caller who is
 * alone has no limit. Commands that are executed at the same time share a batch of the log and of each read model, and
 * everybody waits for these batches: the size of the window is what others wait for. Commands of processes count for
 * the caller whose request caused them. Commands of one caller start in the order of the calls.
 */
export class CommandWindows {
  readonly #company: Company;
  readonly #limits: WindowLimits;
  readonly #windows = new Map<string, CallerWindow>();
  readonly #waiting = { count: 0, bytes: 0 };

  constructor(company: Company, limits: WindowLimits) {
    this.#company = company;
    this.#limits = limits;
  }

  /**
   * Executes a command as soon as the window of its caller has room.
   * @param isRefusable false for work of the application and for work that continues accepted work: it waits, however
   * much is waiting already.
   * @throws {ThrottledError} if too many commands of the caller wait. The command was not executed.
   */
  async execute<T>(caller: string, input: unknown, isRefusable: boolean, work: () => Promise<T>): Promise<T> {
    if (isRefusable) this.#company.saw(caller);
    const bytes = approximateBytes(input);
    const window = this.#windowOf(caller);
    if (window.waiting.size === 0 && this.#hasRoom(caller, window, bytes)) begin(window, bytes);
    else await this.#wait(window, bytes, isRefusable);
    try {
      return await work();
    } finally {
      this.#end(caller, window, bytes);
    }
  }

  #wait(window: CallerWindow, bytes: number, isRefusable: boolean): Promise<void> {
    const { waiting, waitingOfAll } = this.#limits;
    const own = { count: window.waiting.size, bytes: window.waitingBytes };
    if (isRefusable && isFull(own, waiting, bytes)) {
      throw new ThrottledError(RETRY_AFTER_MS, 'Too many of your commands wait to be executed.');
    }
    if (isRefusable && isFull(this.#waiting, waitingOfAll, bytes)) {
      throw new ThrottledError(RETRY_AFTER_MS, 'Too many commands wait to be executed.');
    }
    return new Promise((resolve) => {
      window.waiting.push({ bytes, begin: resolve });
      this.#countWaiting(window, 1, bytes);
    });
  }

  #end(caller: string, window: CallerWindow, bytes: number): void {
    window.running--;
    window.runningBytes -= bytes;
    for (let next = window.waiting.head; next; next = window.waiting.head) {
      if (!this.#hasRoom(caller, window, next.bytes)) return;
      window.waiting.shift();
      this.#countWaiting(window, -1, -next.bytes);
      begin(window, next.bytes);
      next.begin();
    }
    if (window.running === 0) this.#windows.delete(caller);
  }

  #countWaiting(window: CallerWindow, count: number, bytes: number): void {
    window.waitingBytes += bytes;
    this.#waiting.count += count;
    this.#waiting.bytes += bytes;
  }

  #hasRoom(caller: string, { running, runningBytes }: CallerWindow, bytes: number): boolean {
    const { count, bytes: mostBytes } = this.#limits.running;
    if (running === 0 || (running < count && runningBytes + bytes <= mostBytes)) return true;
    return this.#company.isAlone(caller);
  }

  #windowOf(caller: string): CallerWindow {
    let window = this.#windows.get(caller);
    if (!window) {
      window = { running: 0, runningBytes: 0, waiting: new Fifo(), waitingBytes: 0 };
      this.#windows.set(caller, window);
    }
    return window;
  }
}

function isFull({ count, bytes }: CommandShare, most: CommandShare, more: number): boolean {
  return count >= most.count || (count > 0 && bytes + more > most.bytes);
}

function begin(window: CallerWindow, bytes: number): void {
  window.running++;
  window.runningBytes += bytes;
}

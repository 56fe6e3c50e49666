import type { ActiveCallers } from './active-callers.ts';
import { Fifo } from './fifo.ts';

/** A number of one caller's tasks, and their weight together: bytes, for example. */
export interface TaskShare {
  readonly count: number;
  readonly weight: number;
}

/** Ends a task that had a place in its caller's window. Calling it again does nothing. */
export type LeaveWindow = () => void;

interface WaitingTask {
  readonly weight: number;
  readonly begin: () => void;
}

interface CallerWindow {
  running: number;
  runningWeight: number;
  readonly waiting: Fifo<WaitingTask>;
  waitingWeight: number;
}

/**
 * Limits how much of one caller is worked on at the same time while other callers are active: what is worked on
 * together is what others wait for. A caller who is alone has no limit. A task that is heavier than the limit is worked
 * on alone. Tasks of one caller begin in the order of the calls.
 */
export class CallerWindows {
  readonly #activeCallers: ActiveCallers;
  readonly #most: TaskShare;
  readonly #windows = new Map<string, CallerWindow>();
  #waiting: TaskShare = { count: 0, weight: 0 };

  /** @param most of one caller at the same time. */
  constructor(activeCallers: ActiveCallers, most: TaskShare) {
    this.#activeCallers = activeCallers;
    this.#most = most;
  }

  /** Tasks of all callers that wait. */
  get waiting(): TaskShare {
    return this.#waiting;
  }

  /** Tasks of one caller that wait. */
  waitingOf(caller: string): TaskShare {
    const window = this.#windows.get(caller);
    return { count: window?.waiting.size ?? 0, weight: window?.waitingWeight ?? 0 };
  }

  /** Whether a task of this weight can begin at once. */
  isOpen(caller: string, weight: number): boolean {
    const window = this.#windows.get(caller);
    return !window || (window.waiting.size === 0 && this.#hasRoom(caller, window, weight));
  }

  /**
   * Takes a place as soon as there is room: at once, or by a promise.
   * @returns a function that gives the place back.
   */
  enter(caller: string, weight: number): LeaveWindow | Promise<LeaveWindow> {
    const isOpen = this.isOpen(caller, weight);
    const window = this.#windowOf(caller);
    const leave = once(() => this.#leave(caller, window, weight));
    if (!isOpen) return this.#wait(window, weight).then(() => leave);
    begin(window, weight);
    return leave;
  }

  /** Works on a task as soon as there is room. */
  async run<T>(caller: string, weight: number, work: () => Promise<T>): Promise<T> {
    const place = this.enter(caller, weight);
    const leave = typeof place === 'function' ? place : await place;
    try {
      return await work();
    } finally {
      leave();
    }
  }

  #wait(window: CallerWindow, weight: number): Promise<void> {
    return new Promise((resolve) => {
      window.waiting.push({ weight, begin: resolve });
      this.#countWaiting(window, 1, weight);
    });
  }

  #leave(caller: string, window: CallerWindow, weight: number): void {
    window.running--;
    window.runningWeight -= weight;
    for (let next = window.waiting.head; next; next = window.waiting.head) {
      if (!this.#hasRoom(caller, window, next.weight)) return;
      window.waiting.shift();
      this.#countWaiting(window, -1, -next.weight);
      begin(window, next.weight);
      next.begin();
    }
    if (window.running === 0) this.#windows.delete(caller);
  }

  #countWaiting(window: CallerWindow, count: number, weight: number): void {
    window.waitingWeight += weight;
    this.#waiting = { count: this.#waiting.count + count, weight: this.#waiting.weight + weight };
  }

  #hasRoom(caller: string, { running, runningWeight }: CallerWindow, weight: number): boolean {
    const { count, weight: mostWeight } = this.#most;
    if (running === 0 || (running < count && runningWeight + weight <= mostWeight)) return true;
    return this.#activeCallers.isAlone(caller);
  }

  #windowOf(caller: string): CallerWindow {
    let window = this.#windows.get(caller);
    if (!window) {
      window = { running: 0, runningWeight: 0, waiting: new Fifo(), waitingWeight: 0 };
      this.#windows.set(caller, window);
    }
    return window;
  }
}

function begin(window: CallerWindow, weight: number): void {
  window.running++;
  window.runningWeight += weight;
}

function once(leave: LeaveWindow): LeaveWindow {
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    leave();
  };
}

import type { Logger } from 'pino';
import type { Observer } from '../../observe/observer.ts';
import { later, type Timer } from '../../scheduling/timers.ts';

/** How a caller is connected. */
export type Transport = 'http' | 'sse' | 'websocket' | 'connection';

/** Why something was refused: the code for the caller, or the limit that was exceeded. */
export interface CallerRefusal {
  /** The limit, or the error code in lower case. It labels a metric, so the set of values is fixed. */
  readonly reason: string;
  readonly transport: Transport;
  /** The error code that the caller gets. */
  readonly code?: string;
  /** HTTP status, or close code of a WebSocket. */
  readonly status?: number;
  readonly address?: string | undefined;
  readonly actor?: string | undefined;
  readonly tenant?: string | undefined;
  readonly correlationId?: string | undefined;
  /** For the operator. Never contains what the caller has sent. */
  readonly why?: string;
}

export interface RefusalOccurrences {
  /** A request, an operation or a connection was refused. */
  readonly callerRefused: Pick<CallerRefusal, 'reason' | 'transport'>;
}

/** Log lines per second and reason. An attacker can cause any number of refusals and must not fill the disk. */
const LINES = 5;
const WINDOW_MS = 1000;

interface Window {
  said: number;
  unsaid: number;
  readonly flush: Timer;
}

/**
 * Reports and logs every refusal: in the log, the first five per second and reason in full, the others as a number. A line has codes
 * and ids and nothing that a caller has written.
 */
export class Refusals {
  readonly #logger: Logger;
  readonly #observer: Pick<Observer<RefusalOccurrences>, 'tell'>;
  readonly #windows = new Map<string, Window>();

  constructor(logger: Logger, observer: Pick<Observer<RefusalOccurrences>, 'tell'>) {
    this.#logger = logger;
    this.#observer = observer;
  }

  refused({ reason, transport, ...facts }: CallerRefusal): void {
    this.#observer.tell('callerRefused', { reason, transport });
    const level = facts.code === 'THROTTLED' ? 'warn' : 'info';
    const window = this.#windows.get(reason) ?? this.#open(reason, level);
    if (window.said === LINES) {
      window.unsaid++;
      return;
    }
    window.said++;
    this.#logger[level]({ reason, transport, ...facts }, 'refused');
  }

  /** Logs the remaining counts and resets them. */
  stop(): void {
    for (const { flush } of this.#windows.values()) flush.cancel();
    for (const reason of [...this.#windows.keys()]) this.#close(reason, 'info');
  }

  #open(reason: string, level: 'warn' | 'info'): Window {
    const flush = later(WINDOW_MS, () => this.#close(reason, level), { keepsProcess: false });
    const window = { said: 0, unsaid: 0, flush };
    this.#windows.set(reason, window);
    return window;
  }

  #close(reason: string, level: 'warn' | 'info'): void {
    const unsaid = this.#windows.get(reason)?.unsaid ?? 0;
    this.#windows.delete(reason);
    if (unsaid > 0) this.#logger[level]({ reason, unsaid }, 'refused more often, for the same reason');
  }
}

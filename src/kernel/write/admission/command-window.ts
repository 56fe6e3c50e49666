import type { ActiveCallers } from '../../../scheduling/active-callers.ts';
import { CallerWindows, type LeaveWindow, type TaskShare } from '../../../scheduling/caller-windows.ts';
import { pause } from '../../../scheduling/sleeper.ts';
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
/** Events of this many bytes or more keep read models busy for longer than commands take. */
const LARGE_BYTES = 16 * 1024;
/** So do those of a caller whose last ones took so long each, in ms: small events may change large rows. */
const LONG_MS = 20;
/** Longest wait of a command's place for the read models, and then its longest rest, in ms. */
const LONGEST_MS = 1000;

/** What a command has appended. */
export interface AppendedEvents {
  readonly commandId: string;
  /** Approximate bytes of the events. */
  readonly bytes: number;
  /** Of the last event. */
  readonly position: number;
  /** True if the events say whose share of the window the command had. Those of nobody who is signed in do not: it is their address. */
  readonly nameCaller: boolean;
}

/** Tells the window of a caller what one of their commands has appended. */
export interface CommandPlace {
  appended(events: AppendedEvents): void;
}

/** What follows from commands in the read models. */
export interface Aftermath {
  /** Resolves when the read models have applied all events up to a position, or after `timeoutMs`. */
  applied(position: number, timeoutMs: number): Promise<void>;
  /** A command of this caller has appended events that do not name the caller. */
  issued(commandId: string, caller: string): void;
  /** How long an event of this caller usually takes a read model, in ms; 0 if unknown. */
  usualMs(caller: string): number;
}

const NONE: Aftermath = { applied: async () => {}, issued: () => {}, usualMs: () => 0 };

/**
 * Limits how many commands of one caller are executed at the same time while other callers are active. A caller who is
 * alone has no limit. Commands that are executed at the same time share a batch of the log and of each read model, and
 * everybody waits for these batches: the size of the window is what others wait for. Commands of processes count for
 * the caller whose request caused them. Commands of one caller start in the order of the calls.
 *
 * A command takes as much room as its input, or as the events of the caller's commands usually do: a small input can
 * have large events, for example those that revert something.
 *
 * A command with large events, or with events that take read models long, keeps its place after it is answered: until the read
 * models have applied them, and then for as long again. Indexing a large text takes Postgres many times as long as storing it,
 * and others need the processor and the read model meanwhile.
 */
export class CommandWindows {
  readonly #activeCallers: ActiveCallers;
  readonly #limits: WindowLimits;
  readonly #aftermath: Aftermath;
  readonly #windows: CallerWindows;
  /** Bytes of the events of a command. */
  readonly #usual = new UsualWeights();

  /** @param aftermath default: read models take no time. */
  constructor(activeCallers: ActiveCallers, limits: WindowLimits, aftermath = NONE) {
    this.#activeCallers = activeCallers;
    this.#limits = limits;
    this.#aftermath = aftermath;
    const { count, bytes: weight } = limits.running;
    this.#windows = new CallerWindows(activeCallers, { count, weight });
  }

  /**
   * Executes a command as soon as the window of its caller has room.
   * @param isRefusable false for work of the application and for work that continues accepted work: it waits, however
   * much is waiting already.
   * @throws {ThrottledError} if too many commands of the caller wait. The command was not executed.
   */
  async execute<T>(
    caller: string,
    input: unknown,
    isRefusable: boolean,
    work: (place: CommandPlace) => Promise<T>,
  ): Promise<T> {
    if (isRefusable) this.#activeCallers.saw(caller);
    const bytes = Math.max(approximateBytes(input), this.#usual.of(caller));
    if (isRefusable && !this.#windows.isOpen(caller, bytes)) this.#refuseIfFull(caller, bytes);
    const entered = this.#windows.enter(caller, bytes);
    const leave = typeof entered === 'function' ? entered : await entered;
    let followed: number | undefined;
    const appended = ({ commandId, bytes: ofEvents, position, nameCaller }: AppendedEvents) => {
      this.#usual.add(caller, ofEvents);
      if (!nameCaller) this.#aftermath.issued(commandId, caller);
      if (ofEvents >= LARGE_BYTES || this.#aftermath.usualMs(caller) >= LONG_MS) followed = position;
    };
    try {
      return await work({ appended });
    } finally {
      if (followed === undefined) leave();
      else void this.#leaveLater(followed, leave);
    }
  }

  async #leaveLater(position: number, leave: LeaveWindow): Promise<void> {
    const began = performance.now();
    await this.#aftermath.applied(position, LONGEST_MS);
    const rest = Math.min(LONGEST_MS, performance.now() - began);
    await pause(rest, undefined, { keepsProcess: false });
    leave();
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

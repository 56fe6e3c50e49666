import { v5 as uuidv5 } from 'uuid';
import type { Load } from '../define/command.ts';
import { CallAgain, type Called, type Effect } from '../define/effect.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { StreamStates } from '../write/stream-states.ts';
import { type Answers, answerIdOf } from './answers.ts';
import { PassingError, type Work } from './follower.ts';
import { assertDone, causedBy, type Issuer } from './issuing.ts';

export interface EffectWorkParts {
  readonly effect: Effect;
  /** What is plugged into its port. */
  readonly port: unknown;
  readonly bus: Issuer;
  readonly states: Pick<StreamStates, 'refresh'>;
  readonly answers: Pick<Answers, 'among'>;
}

/** Calls under way at one time. One that waits to be made again is not under way. */
const CALLS_AT_ONCE = 32;
/** Of those, calls that are made again: however many hang each time, the others find a place. */
const REPEATED_AT_ONCE = 8;

/** Makes the calls of one effect, and issues the commands that their answers are. */
export class EffectWork implements Work {
  readonly #parts: EffectWorkParts;
  readonly #all = new Places(CALLS_AT_ONCE);
  readonly #repeated = new Places(REPEATED_AT_ONCE);
  /** Events whose calls have been made here and have no answer yet. */
  readonly #unanswered = new Set<string>();

  constructor(parts: EffectWorkParts) {
    this.#parts = parts;
  }

  wanted(type: string): boolean {
    return this.#parts.effect.on.has(type);
  }

  /** A call whose answer is in the log is not made again: nobody need know its key for ever. */
  async linesOf(events: readonly RecordedEvent[]): Promise<(string | undefined)[]> {
    const { effect, answers } = this.#parts;
    const ids = events.map(({ type, eventId }) => (this.wanted(type) ? answerIdOf(effect.name, eventId) : undefined));
    const answered = await answers.among(ids.filter((id) => id !== undefined));
    return events.map(({ streamType, streamId }, nth) => {
      const id = ids[nth];
      return id === undefined || answered.has(id) ? undefined : `${streamType} ${streamId}`;
    });
  }

  async answer(event: RecordedEvent, _line: string, stopping: AbortSignal): Promise<void> {
    const { effect, bus } = this.#parts;
    const called = await this.#inTurn(event, stopping);
    if (called === undefined) return;
    if (called instanceof CallAgain) throw new UnansweredCallError(effect.name, event, called.reason);
    const command = effect.issues.get(called.command);
    if (!command) throw new Error(`Effect ${effect.name} does not say that it issues ${called.command}.`);
    const commandId = answerIdOf(effect.name, event.eventId);
    const outcome = await bus.executeUnchecked(command, called.input, { commandId, ...causedBy(event) });
    // Another answer to this very call was stored before, by an instance that made it too: that one holds.
    if (outcome.kind !== 'reused') assertDone(outcome, command.name, commandId);
  }

  async #call(event: RecordedEvent, signal: AbortSignal) {
    const { effect, port } = this.#parts;
    const key = uuidv5(effect.name, event.eventId);
    return effect.on.get(event.type)?.(event, { port, key, load: this.#load, signal });
  }

  readonly #load: Load = async (aggregate, id) => {
    const { committed } = await this.#parts.states.refresh(aggregate, id.toLowerCase());
    return committed.version === 0 ? undefined : (committed.state as ReturnType<typeof aggregate.initialState>);
  };

  async #inTurn(event: RecordedEvent, stopping: AbortSignal): Promise<Called> {
    const { eventId } = event;
    const call = () =>
      this.#all.take(() => {
        stopping.throwIfAborted();
        return this.#call(event, stopping);
      });
    const isRepeated = this.#unanswered.has(eventId);
    this.#unanswered.add(eventId);
    try {
      const called = await (isRepeated ? this.#repeated.take(call) : call());
      if (!(called instanceof CallAgain)) this.#unanswered.delete(eventId);
      return called;
    } finally {
      // From now on it is another's.
      if (stopping.aborted) this.#unanswered.delete(eventId);
    }
  }
}

/** So many at one time, in the order in which they come. */
class Places {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** The other side has not said what became of a call. It is made again, with the same key. */
export class UnansweredCallError extends PassingError {
  readonly code = 'CALL_UNANSWERED';

  constructor(effect: string, { type, streamId }: RecordedEvent, reason: string) {
    super(`${effect} has no certain answer yet for ${type} of ${streamId}: ${reason}`);
    this.name = 'UnansweredCallError';
  }
}

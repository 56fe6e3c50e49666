import { v5 as uuidv5 } from 'uuid';
import { later } from '../../scheduling/timers.ts';
import type { Load } from '../define/command.ts';
import type { RecordedEvent } from '../define/event.ts';
import { CallAgain, type Called, type Effect } from '../define/process-manager/effect.ts';
import type { StreamStates } from '../write/state/stream-states.ts';
import { answerIdOf, type EffectAnswers } from './effect-answers.ts';
import { RetryableError } from './follow/retries.ts';
import { type EventRoute, streamOf, type Work } from './follow/work.ts';
import { assertDone, type CommandIssuer, causedBy, IdsUsedError, nthId } from './issue-command.ts';

export interface EffectWorkParts {
  readonly effect: Effect;
  /** The adapter of the effect's port. */
  readonly port: unknown;
  readonly bus: CommandIssuer;
  readonly states: Pick<StreamStates, 'refresh'>;
  readonly answers: Pick<EffectAnswers, 'among'>;
  /** Types of streams whose events may cause calls. */
  readonly follows: ReadonlySet<string>;
  /** Time limit of a call, in ms. After that it is repeated later. */
  readonly timeoutMs: number;
}

/** Number of ids that are tried for an answer, if earlier ones were used for something else. */
const IDS = 5;

/** Makes the calls of one effect, and issues the commands that they are answered with. */
export class EffectWork implements Work {
  readonly #parts: EffectWorkParts;

  constructor(parts: EffectWorkParts) {
    this.#parts = parts;
  }

  wanted(type: string): boolean {
    return this.#parts.effect.on.has(type);
  }

  follows(streamType: string): boolean {
    return this.#parts.follows.has(streamType);
  }

  /** If the answer is in the log, the call is not repeated. So the other side need not remember its key forever. */
  async routesOf(events: readonly RecordedEvent[]): Promise<(EventRoute | undefined)[]> {
    const { effect, answers } = this.#parts;
    const ids = events.map(({ type, eventId }) => (this.wanted(type) ? answerIdOf(effect.name, eventId) : undefined));
    const answered = await answers.among(ids.filter((id) => id !== undefined));
    return events.map((event, nth) => {
      const id = ids[nth];
      return id === undefined || answered.has(id) ? undefined : { partition: streamOf(event), hasBegun: true };
    });
  }

  async answer(event: RecordedEvent, stopping: AbortSignal): Promise<void> {
    const { effect } = this.#parts;
    const called = await this.#call(event, stopping);
    if (called === undefined) return;
    if (called instanceof CallAgain) throw new UnansweredCallError(effect.name, event, called.reason);
    const command = effect.issues.get(called.command);
    if (!command) throw new UndeclaredCommandError(effect.name, event.type, called.command);
    const answerId = answerIdOf(effect.name, event.eventId);
    for (let nth = 0; nth < IDS; nth++) {
      const commandId = nthId(answerId, nth);
      const outcome = await this.#parts.bus.executeUnchecked(command, called.input, { ...causedBy(event), commandId });
      if (outcome.kind !== 'reused') return assertDone(outcome, command.name, commandId);
      // Another instance that also made this call has stored its answer first. That answer counts.
      if ((await this.#parts.answers.among([commandId])).size > 0) return;
    }
    throw new IdsUsedError(command.name, answerId);
  }

  /** Makes the call within its time limit, so that a call that ignores its signal does not hold a slot forever. */
  async #call(event: RecordedEvent, stopping: AbortSignal): Promise<Called> {
    const { effect, port, timeoutMs } = this.#parts;
    const key = uuidv5(effect.name, event.eventId);
    const over = new AbortController();
    const ended = Promise.withResolvers<Called>();
    const timer = later(timeoutMs, () => {
      ended.resolve(new CallAgain(`No answer within ${timeoutMs} ms.`));
      over.abort(new DOMException(`The call took longer than ${timeoutMs} ms.`, 'TimeoutError'));
    });
    const onStopping = () => {
      over.abort(stopping.reason);
      ended.reject(stopping.reason);
    };
    stopping.addEventListener('abort', onStopping, { once: true });
    try {
      stopping.throwIfAborted();
      const tools = { port, key, load: this.#load, signal: over.signal };
      const call = Promise.resolve(effect.on.get(event.type)?.(event, tools));
      // A failure after the time limit is ignored.
      call.catch(() => undefined);
      return await Promise.race([call, ended.promise]);
    } finally {
      timer.cancel();
      stopping.removeEventListener('abort', onStopping);
      ended.resolve(undefined);
    }
  }

  readonly #load: Load = async (aggregate, id) => {
    const { committed } = await this.#parts.states.refresh(aggregate, id.toLowerCase());
    return committed.version === 0 ? undefined : (committed.state as ReturnType<typeof aggregate.initialState>);
  };
}

/** An effect answers with a command that its definition does not list. */
export class UndeclaredCommandError extends Error {
  readonly code = 'STEP_UNDECLARED';

  constructor(effect: string, event: string, command: string) {
    super(
      `Effect ${effect} in its call for ${event}: it issues ${command}, which its definition does not list. Add it: issues: { ${command} }.`,
    );
    this.name = 'UndeclaredCommandError';
  }
}

/** The outcome of a call is not confirmed. The call is repeated with the same key. */
export class UnansweredCallError extends RetryableError {
  readonly code = 'CALL_UNANSWERED';

  constructor(effect: string, { type, streamId }: RecordedEvent, reason: string) {
    super(`${effect} has no certain answer yet for ${type} of ${streamId}: ${reason}`);
    this.name = 'UnansweredCallError';
  }
}

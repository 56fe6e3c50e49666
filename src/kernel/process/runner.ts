import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '../../database/transient.ts';
import { SYSTEM } from '../define/actor.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process } from '../define/process.ts';
import type { processEvents } from '../define/process-events.ts';
import { OutcomeUnknownError, ThrottledError } from '../errors.ts';
import type { Checkpoint } from '../read/checkpoints.ts';
import type { CommitFeed } from '../read/commit-feed.ts';
import type { LogHead } from '../read/log-head.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { EventLog } from '../write/event-log.ts';
import type { CommandOutcome } from '../write/outcome.ts';
import { type OwnCommand, reaching, reacting, refusing } from './commands.ts';
import type { DueDeadlines } from './due-deadlines.ts';
import { InFlight } from './in-flight.ts';
import { processIdOf } from './react.ts';

export interface ProcessRunnerParts {
  /** The checkpoint's. */
  readonly name: string;
  readonly process: Process;
  readonly bus: Pick<CommandBus, 'executeUnchecked'>;
  readonly log: EventLog;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly deadlines: DueDeadlines;
  /** Moves the checkpoint. @returns false where it is another's. */
  readonly move: (name: string, to: number, generation: number) => Promise<boolean>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Events on their way at one time: what a restart does again at most. */
const WINDOW = 1000;
const BATCH = 500;
/** Between two moves of the checkpoint, in ms. It lags behind what is done; what is done again is a replay. */
const MOVE_EVERY_MS = 100;
/** Between two attempts, in ms. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 10_000;

/**
 * Tells one kind of process of the events that concern it, and issues the commands that it asks for. It may be told of an
 * event again after a crash; every effect has an id that follows from the event's, so that it happens once.
 */
export class ProcessRunner {
  readonly #parts: ProcessRunnerParts;
  #position = 0;
  #generation = 0;
  #running: Promise<void> | undefined;
  #stopping: AbortController | undefined;
  #wake: (() => void) | undefined;
  #failure: string | null = null;

  constructor(parts: ProcessRunnerParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Every event up to here is answered, as the checkpoint says. */
  get position(): number {
    return this.#position;
  }

  get generation(): number {
    return this.#generation;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Why some process stands still; null while all move. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Begins at a checkpoint that this instance owns. */
  start({ position, generation }: Pick<Checkpoint, 'position' | 'generation'>): void {
    if (this.#running) return;
    this.#position = position;
    this.#generation = generation;
    const stopping = new AbortController();
    this.#stopping = stopping;
    const inFlight = new InFlight(position);
    const work: Promise<unknown>[] = [this.#read(inFlight, stopping.signal), this.#keepMoving(inFlight, stopping)];
    work.push(
      this.#parts.deadlines.run(this.#parts.process, (due) => this.#reach(due, stopping.signal), stopping.signal),
    );
    this.#running = Promise.all(work).then(() => {
      this.#running = undefined;
    });
  }

  /** Ends when what is on its way is done, or cannot be. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.wake();
    await this.#running;
  }

  /** There may be something to do. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #read(inFlight: InFlight, stopping: AbortSignal): Promise<void> {
    let after = this.#position;
    while (!stopping.aborted) {
      const events = inFlight.size < WINDOW ? await this.#next(after, stopping) : [];
      for (const event of events) this.#take(event, inFlight, stopping);
      after = events.at(-1)?.position ?? after;
      inFlight.saw(after);
      if (events.length === 0) await this.#somethingToDo(after, inFlight, stopping);
    }
    await inFlight.settled();
  }

  async #next(after: number, stopping: AbortSignal): Promise<readonly RecordedEvent[]> {
    const { feed, head, log, process } = this.#parts;
    if (after >= head.position) return [];
    const fed = feed.after(after, BATCH);
    if (fed.length > 0) return fed;
    const wanted = (type: string) => process.on.has(type) || type in process.aggregate.events;
    let events: readonly RecordedEvent[] = [];
    const read = async () => {
      events = await log.read(after, BATCH, { wanted });
    };
    await this.#patiently(read, { position: after + 1 }, stopping);
    return events;
  }

  #take(event: RecordedEvent, inFlight: InFlight, stopping: AbortSignal): void {
    const { process } = this.#parts;
    const requested = event.streamType === process.name && event.type === 'CommandRequested';
    const id = requested ? event.streamId : processIdOf(process, event);
    if (id === undefined) return;
    const work = () => (requested ? this.#issue(event) : this.#issueOwn(reacting(process, id, event), event));
    const patiently = () => this.#patiently(work, { process: id, position: event.position }, stopping);
    void inFlight.add(event.position, id, patiently).then(() => this.wake());
  }

  /** Issues what the process has asked for; where it is not accepted the process is told, by way of the log. */
  async #issue(event: RecordedEvent): Promise<void> {
    const { process, bus } = this.#parts;
    const requested = event.data as ReturnType<typeof processEvents.CommandRequested>['data'];
    const { commandId, input } = requested;
    const command = process.issues.get(requested.command);
    const outcome: CommandOutcome = command
      ? await bus.executeUnchecked(command, input, { commandId, ...causedBy(event) })
      : { kind: 'rejected', code: 'UNKNOWN_COMMAND', message: `There is no command ${requested.command}.` };
    if (outcome.kind === 'accepted') return;
    if (outcome.kind === 'conflict') throw new BusyError(requested.command, commandId);
    // Another instance has recorded under this id that it was refused, or else it was never this command's.
    if (outcome.kind === 'reused') return this.#issueOwn(refusing(process, event.streamId, requested, REFUSED), event);
    const told = await this.#executeOwn(refusing(process, event.streamId, requested, outcome), event);
    // Another instance issued it too, later, and then it was accepted: what it did holds.
    if (told.kind !== 'reused') this.#assertDone(told, command?.name ?? requested.command, commandId);
  }

  async #issueOwn(own: OwnCommand, cause?: RecordedEvent): Promise<void> {
    this.#assertDone(await this.#executeOwn(own, cause), own.command.name, own.commandId);
  }

  #executeOwn({ command, input, commandId }: OwnCommand, cause?: RecordedEvent): Promise<CommandOutcome> {
    return this.#parts.bus.executeUnchecked(command, input, { commandId, ...causedBy(cause) });
  }

  #assertDone(outcome: CommandOutcome, command: string, commandId: string): void {
    // Not begun: what does not begin a process does not concern it.
    if (outcome.kind === 'accepted' || outcome.kind === 'notFound') return;
    if (outcome.kind === 'conflict') throw new BusyError(command, commandId);
    throw new Error(`${command} ${commandId} came to ${JSON.stringify(outcome)}.`);
  }

  #reach({ id, name, at }: { id: string; name: string; at: Date }, stopping: AbortSignal): Promise<boolean> {
    const { process } = this.#parts;
    return this.#patiently(
      () => this.#issueOwn(reaching(process, id, name, at)),
      { process: id, deadline: name },
      stopping,
    );
  }

  /** Tries until it succeeds. @returns false where the runner is stopped before: then it is for who takes over. */
  async #patiently(
    work: () => Promise<void>,
    context: Readonly<Record<string, unknown>>,
    stopping: AbortSignal,
  ): Promise<boolean> {
    for (let attempt = 0; !stopping.aborted; attempt++) {
      try {
        await work();
        if (attempt > 0) this.#failure = null;
        return true;
      } catch (error) {
        const passes = isTransient(error) || PASSING.some((kind) => error instanceof kind);
        if (!passes)
          this.#failure = `${this.name} ${JSON.stringify(context)}: ${error instanceof Error ? error.message : error}`;
        if (!(error instanceof ThrottledError)) this.#parts.onError(error, { part: this.name, ...context, attempt });
        const ms = error instanceof ThrottledError ? error.retryAfterMs : FIRST_RETRY_MS * 2 ** Math.min(attempt, 10);
        await delay(Math.min(LONGEST_RETRY_MS, ms), undefined, { signal: stopping }).catch(() => undefined);
      }
    }
    return false;
  }

  async #keepMoving(inFlight: InFlight, stopping: AbortController): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(MOVE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!(await this.#move(inFlight))) stopping.abort();
    }
  }

  async #move(inFlight: InFlight): Promise<boolean> {
    const to = inFlight.done;
    if (to === this.#position) return true;
    try {
      const moved = await this.#parts.move(this.name, to, this.#generation);
      if (moved) this.#position = to;
      return moved;
    } catch (error) {
      this.#parts.onError(error, { part: this.name });
      return true;
    }
  }

  #somethingToDo(after: number, inFlight: InFlight, stopping: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (stopping.aborted || (after < this.#parts.head.position && inFlight.size < WINDOW)) this.wake();
    });
  }
}

/** Others change the same stream so often that this command found no moment for itself. It is no answer: it will. */
class BusyError extends Error {
  readonly code = 'STREAM_BUSY';

  constructor(command: string, commandId: string) {
    super(`${command} ${commandId} met others on its stream each time that it was decided; it is issued again.`);
    this.name = 'BusyError';
  }
}

/** What goes by when time does. */
const PASSING = [ThrottledError, OutcomeUnknownError, BusyError];
/** Stands for a refusal that is in the log with its reason. */
const REFUSED = { kind: 'rejected', code: 'REFUSED', message: 'It was refused before.' } as const;

/** Whence a command comes that the application issues because of an event. */
function causedBy(event: RecordedEvent | undefined) {
  if (!event) return { actor: SYSTEM };
  const { correlationId, traceparent } = event.metadata;
  return { actor: SYSTEM, correlationId, causationId: event.eventId, ...(traceparent ? { traceparent } : {}) };
}

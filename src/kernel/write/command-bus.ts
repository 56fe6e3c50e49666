import { setTimeout as delay } from 'node:timers/promises';
import { bytesOf } from '../bytes.ts';
import { NOBODY } from '../define/actor.ts';
import { type Command, type InputOf, Rejection } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { isDerivedId } from '../define/derived-id.ts';
import type { EventMetadata, NewEvent } from '../define/event.ts';
import { ForbiddenError, ThrottledError } from '../errors.ts';
import type { Append, AppendEvent, AppendOutcome, HeldStream } from '../log/append/append.ts';
import type { AppendQueue } from '../log/append/append-queue.ts';
import type { EventLog } from '../log/event-log.ts';
import { newId } from '../log/new-id.ts';
import { orElsewhere } from '../log/newer-events.ts';
import { type Observer, unobserved } from '../observe/observer.ts';
import type { Obstacles } from '../obstacles.ts';
import type { Admission } from './admission.ts';
import { answerUnseen, ID_TAKEN, refuseByRole, type Standing, standingOf } from './authorise.ts';
import { type CommandIdentity, commandIdentity } from './command-identity.ts';
import { type CommandOptions, callerOf, isSystems } from './command-options.ts';
import { metadataOf } from './event-metadata.ts';
import { gather } from './gather.ts';
import { watched } from './observed-command.ts';
import type { StreamState, StreamStates } from './stream-states.ts';
import { RESERVED, validate } from './validate.ts';

interface Attempt {
  readonly command: Command;
  readonly input: unknown;
  readonly streamId: string;
  readonly identity: CommandIdentity;
  readonly options: CommandOptions;
  readonly metadata: EventMetadata;
  /** The version that it was decided on last. */
  decidedOn: number;
  standing: Standing;
}

/** Conflicts after which a command without an expected version gives up. */
const MAX_CONFLICTS = 10;

/** Takes commands: validates, loads, decides, appends, and answers with a receipt or the reason why not. */
export class CommandBus {
  readonly #log: Pick<EventLog, 'head' | 'findCommand'>;
  readonly #queue: AppendQueue;
  readonly #states: StreamStates;
  readonly #admission: Pick<Admission, 'assertAdmitted' | 'appended'> | undefined;
  readonly #whyNotStorable: ((append: Append) => string | undefined) | undefined;
  readonly #obstacles: Pick<Obstacles, 'assertNone'> | undefined;
  readonly #observer: Observer;
  readonly #underWay = new Set<Promise<CommandOutcome>>();
  #closed = false;

  constructor(parts: {
    log: Pick<EventLog, 'head' | 'findCommand'>;
    queue: AppendQueue;
    states: StreamStates;
    /** Asked before a command is taken. */
    admission?: Pick<Admission, 'assertAdmitted' | 'appended'> | undefined;
    /** Asked before events are appended: why what read models make of them could not be stored. */
    whyNotStorable?: ((append: Append) => string | undefined) | undefined;
    /** What stands in the way of any command. */
    obstacles?: Pick<Obstacles, 'assertNone'> | undefined;
    observer?: Observer | undefined;
  }) {
    this.#log = parts.log;
    this.#queue = parts.queue;
    this.#states = parts.states;
    this.#admission = parts.admission;
    this.#whyNotStorable = parts.whyNotStorable;
    this.#obstacles = parts.obstacles;
    this.#observer = parts.observer ?? unobserved;
  }

  /**
   * Issues a command.
   *
   * @returns what it answers; an accepted command is durable.
   * @throws {UnauthenticatedError} {@link ForbiddenError}, ThrottledError (nothing was taken; {@link NewerEventError} if another
   *   instance can take it), OutcomeUnknownError (send it
   *   again with the same command id), or the database's error.
   */
  async execute<C extends Command>(command: C, input: InputOf<C>, options: CommandOptions): Promise<CommandOutcome> {
    return this.executeUnchecked(command, input, options);
  }

  /** Like {@link execute} for input that comes from outside and has no type yet. */
  async executeUnchecked(command: Command, rawInput: unknown, options: CommandOptions): Promise<CommandOutcome> {
    const answer = watched(this.#observer, command, options, (own) =>
      orElsewhere(() => this.#execute(command, rawInput, own)),
    );
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** Takes no more and resolves when all that were taken are answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
  }

  async #execute(command: Command, rawInput: unknown, options: CommandOptions): Promise<CommandOutcome> {
    if (this.#closed) throw new ThrottledError(1000, 'The server is shutting down.');
    refuseByRole(command, options.actor);
    this.#obstacles?.assertNone();
    const share = isSystems(options) ? undefined : callerOf(options);
    this.#queue.assertRoom(share);
    if (!options.isContinuation) this.#admission?.assertAdmitted(share);
    const validated = validate(command, rawInput, options);
    if ('issues' in validated) return { kind: 'invalid', issues: validated.issues };
    const { input } = validated;
    const actorId = (options.actor ?? NOBODY).id;
    const identity = commandIdentity(
      command.name,
      input,
      actorId,
      options.commandId?.toLowerCase() ?? newId(),
      options.commandId ? options.idsFrom : 'client',
    );
    const id = command.id(input)?.toLowerCase();
    const attempt: Attempt = {
      command,
      input,
      // A stream id that was made here is new: nobody can have appended to it.
      streamId: id ?? newId(),
      identity,
      options,
      metadata: metadataOf(options, identity.commandId),
      decidedOn: 0,
      standing: 'permitted',
    };
    for (let conflicts = 0; ; conflicts++) {
      const answer = await this.#attempt(attempt, id === undefined);
      if (answer !== 'again') return answer;
      const actualVersion = await this.#afterConflict(attempt, conflicts);
      if (conflicts < MAX_CONFLICTS) continue;
      if (attempt.standing !== 'permitted') return this.#answerUnseen(attempt);
      const { expectedVersion } = options;
      const versions =
        expectedVersion == null || expectedVersion === actualVersion
          ? { expectedVersion: attempt.decidedOn, actualVersion, attempts: conflicts + 1 }
          : { expectedVersion, actualVersion };
      return this.#unlessReplayed(attempt, { kind: 'conflict', ...versions });
    }
  }

  /** One decision and its append; 'again' where it was decided on a state that was not the stream's. */
  async #attempt(attempt: Attempt, isNew: boolean): Promise<CommandOutcome | 'again'> {
    const { command, input, options } = attempt;
    const known = await this.#stateFor(attempt, isNew);
    const { facts, outdated, held } = await gather(command, input, options.actor, known, this.#states);
    // From here to the append nothing waits, so that the state cannot move in between.
    if (known.broken || outdated) return 'again';
    const { version, state } = known;
    attempt.decidedOn = version;
    attempt.standing = standingOf(command, options.actor, input, known, facts);
    const isBorrowed = command.creates && options.idsFrom !== 'engine' && isDerivedId(attempt.streamId);
    // Whether there is one already is told to nobody who may not see it.
    if (isBorrowed && attempt.standing === (version === 0 ? 'permitted' : 'taken')) {
      return { kind: 'invalid', issues: [{ path: ['id'], message: `${attempt.streamId} ${RESERVED}` }] };
    }
    if (attempt.standing !== 'permitted') {
      return (await this.#states.confirm(known, version)) ? this.#answerUnseen(attempt) : 'again';
    }
    const { expectedVersion } = options;
    if (expectedVersion != null && expectedVersion !== version) {
      return this.#confirmed(attempt, known, version, { kind: 'conflict', expectedVersion, actualVersion: version });
    }
    const decision = facts instanceof Rejection ? facts : command.decide(state, input, facts);
    if (decision instanceof Rejection) {
      const { code, message } = decision;
      return this.#confirmed(attempt, known, version, { kind: 'rejected', code, message });
    }
    const events = 'type' in decision ? [decision] : decision;
    // What nobody can send again needs no receipt.
    if (events.length === 0 && !options.commandId) return this.#acceptNothing(attempt, known, version);
    return this.#append(attempt, known, events, held);
  }

  /** Creating commands believe that the stream is empty; the append finds out where it is not. */
  async #stateFor({ command: { aggregate, creates }, streamId }: Attempt, isNew: boolean): Promise<StreamState> {
    if (isNew) return this.#states.blank(aggregate, streamId);
    if (!creates) return this.#states.get(aggregate, streamId);
    const present = this.#states.peek(aggregate, streamId);
    if (present) return present;
    const blank = this.#states.blank(aggregate, streamId);
    this.#states.keep(blank);
    return blank;
  }

  async #append(
    attempt: Attempt,
    known: StreamState,
    decided: readonly NewEvent[],
    held: readonly HeldStream[],
  ): Promise<CommandOutcome | 'again'> {
    const { command, streamId, identity, metadata, options } = attempt;
    const { aggregate } = command;
    const events = decided.map((event): AppendEvent => {
      const definition = aggregate.events[event.type];
      if (!definition) throw new Error(`${command.name} decided ${event.type}, which ${aggregate.name} does not have.`);
      const { schemaVersion } = definition;
      return { type: event.type, schemaVersion, data: definition.decode(event.data, schemaVersion) };
    });
    const expectedVersion = known.version;
    const version = expectedVersion + events.length;
    const bytes = bytesOf(events);
    const state = events.reduce((before, event) => aggregate.evolve(before, event), known.state);
    const append: Append = {
      streamType: aggregate.name,
      streamId,
      expectedVersion,
      ...identity,
      metadata,
      caller: callerOf(options),
      occurredAt: options.occurredAt,
      events,
      bytes,
      held,
    };
    const message = this.#whyNotStorable?.(append);
    if (message) {
      return this.#confirmed(attempt, known, expectedVersion, { kind: 'rejected', code: 'NOT_STORABLE', message });
    }
    const appended = this.#queue.append(append, () => !known.broken);
    known.version = version;
    known.state = state;
    known.tail = appended;
    this.#states.keep(known, bytes);
    let outcome: AppendOutcome;
    try {
      outcome = await appended;
    } catch (error) {
      this.#states.breakOff(known);
      throw error;
    }
    if (outcome.outcome !== 'accepted') this.#states.breakOff(known);
    if (outcome.outcome === 'conflict') return 'again';
    if (outcome.outcome !== 'accepted') return answerOf(attempt, outcome);
    this.#admission?.appended(callerOf(options), events.length, bytes);
    if (known.tail === appended) known.tail = undefined;
    known.committed = { version, state };
    this.#states.grew(known, events, bytes);
    return answerOf(attempt, outcome);
  }

  /** An answer that appends nothing holds only if the state it was decided on was true, and the command is not a repeat. */
  async #confirmed(
    attempt: Attempt,
    known: StreamState,
    version: number,
    answer: CommandOutcome,
  ): Promise<CommandOutcome | 'again'> {
    // The repeat of a command that is on its way is found only when that one is settled, so this comes first.
    if (!(await this.#states.confirm(known, version))) return 'again';
    return this.#unlessReplayed(attempt, answer);
  }

  async #acceptNothing(attempt: Attempt, known: StreamState, version: number): Promise<CommandOutcome | 'again'> {
    const { streamId, identity } = attempt;
    const confirmed = await this.#states.confirm(known, version);
    const { position } = await this.#log.head();
    if (!confirmed) return 'again';
    const receipt = { commandId: identity.commandId, aggregateId: streamId, version, position, replayed: false };
    return { kind: 'accepted', receipt };
  }

  /** The first answer where the client's command id was used before, else `answer`. */
  async #unlessReplayed(attempt: Attempt, answer: CommandOutcome): Promise<CommandOutcome> {
    if (!attempt.options.commandId) return answer;
    const found = await this.#log.findCommand(attempt.identity, attempt.metadata.actor.id);
    return found ? answerOf(attempt, found) : answer;
  }

  /** Answers who is not permitted. What they may not know of is answered as if it were not there, with the same work. */
  async #answerUnseen(attempt: Attempt): Promise<CommandOutcome> {
    const { command, identity, metadata, options, standing, streamId } = attempt;
    const known = options.commandId ? await this.#log.findCommand(identity, metadata.actor.id) : undefined;
    // They may have been permitted: the command itself may have changed what the rule looks at.
    if (known?.outcome === 'replayed') return answerOf(attempt, known);
    if (standing === 'forbidden' || standing === 'permitted')
      throw new ForbiddenError(`You may not issue ${command.name} here.`);
    if (known) return { kind: 'reused', commandId: identity.commandId };
    return answerUnseen(command, streamId, standing, options.expectedVersion);
  }

  /** @returns the version that the stream has by now. */
  async #afterConflict({ command, streamId }: Attempt, conflicts: number): Promise<number> {
    // Many who lost to one: let them not meet again at the same moment.
    if (conflicts > 0) await delay(Math.random() * Math.min(50, 2 ** conflicts));
    return (await this.#states.refresh(command.aggregate, streamId)).committed.version;
  }
}

function answerOf(attempt: Attempt, outcome: Exclude<AppendOutcome, { outcome: 'conflict' }>): CommandOutcome {
  const { commandId } = attempt.identity;
  if (outcome.outcome === 'reused') return { kind: 'reused', commandId };
  if (outcome.outcome === 'taken') return ID_TAKEN;
  const { streamId, version, position } = outcome;
  const replayed = outcome.outcome === 'replayed';
  return { kind: 'accepted', receipt: { commandId, aggregateId: streamId, version, position, replayed } };
}

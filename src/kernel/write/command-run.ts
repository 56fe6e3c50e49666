import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { bytesOf } from '../bytes.ts';
import { type Command, Rejection } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { isDerivedId } from '../define/derived-id.ts';
import { type EventMetadata, initiatorOf, type NewEvent } from '../define/event.ts';
import { ForbiddenError } from '../errors.ts';
import type { Append, AppendEvent, AppendOutcome, HeldStream } from '../log/append/append.ts';
import type { AppendQueue } from '../log/append/append-queue.ts';
import type { EventLog } from '../log/event-log.ts';
import { newId } from '../log/new-id.ts';
import { SEAL, sealOf } from '../privacy/sealed-data.ts';
import type { Admission } from './admission/admission.ts';
import type { CommandPlace } from './admission/command-window.ts';
import { answerUnseen, type CommandAccess, commandAccess, ID_TAKEN } from './authorise.ts';
import type { CommandIdentity } from './command-identity.ts';
import { callerOf, type ExecuteOptions, isSystems } from './execute-options.ts';
import { gather } from './gather.ts';
import { type SealingTools, sealEvents } from './seal-events.ts';
import type { StreamState } from './state/stream-state.ts';
import type { StreamStates } from './state/stream-states.ts';
import { RESERVED } from './validate.ts';

/** The tools for running a command. */
export interface CommandTools {
  readonly log: Pick<EventLog, 'head' | 'findCommand'>;
  readonly queue: Pick<AppendQueue, 'append'>;
  readonly states: StreamStates;
  /** Told how much was appended. */
  readonly admission?: Pick<Admission, 'appended'> | undefined;
  /** Returns why read models could not store the result of these events. Called before they are appended. */
  readonly whyNotStorable?: ((append: Append) => string | undefined) | undefined;
  /** Finds out which parts of events are encrypted; undefined if there is no keyring. */
  readonly sealing?: SealingTools | undefined;
}

/** A command that was admitted. */
export interface AdmittedCommand {
  readonly command: Command;
  /** Validated. */
  readonly input: unknown;
  readonly identity: CommandIdentity;
  readonly options: ExecuteOptions;
  readonly metadata: EventMetadata;
  /** Its place in the window of its caller; undefined if there are no windows. */
  readonly place: CommandPlace | undefined;
}

/** Number of conflicts after which a command without an expected version gives up. */
const MAX_CONFLICTS = 10;
/** Many commands may have lost to one. A pause that is left to chance keeps them from colliding again. */
const DECIDE_AGAIN: Backoff = { firstMs: 2, maxMs: 50, jitter: 1 };

/** One execution of a command: it loads, decides and appends, and repeats this after a conflict. */
export class CommandRun {
  readonly #tools: CommandTools;
  readonly #admitted: AdmittedCommand;
  readonly #streamId: string;
  /** True if the stream id was made here, so that nobody can have appended to it. */
  readonly #isNewId: boolean;
  /** The version of the last decision. */
  #decidedOn = 0;
  #access: CommandAccess = 'permitted';

  constructor(tools: CommandTools, admitted: AdmittedCommand) {
    this.#tools = tools;
    this.#admitted = admitted;
    const id = admitted.command.id(admitted.input)?.toLowerCase();
    this.#isNewId = id === undefined;
    this.#streamId = id ?? newId();
  }

  /**
   * @returns the command's answer.
   * @throws as {@link CommandBus.execute} does.
   */
  async answer(): Promise<CommandOutcome> {
    for (let conflicts = 0; ; conflicts++) {
      const answer = await this.#attempt();
      if (answer !== 'again') return answer;
      if (conflicts > 0) await pause(backoffMs(conflicts, DECIDE_AGAIN));
      const { aggregate } = this.#admitted.command;
      const { committed } = await this.#tools.states.refresh(aggregate, this.#streamId);
      if (conflicts === MAX_CONFLICTS) return this.#giveUp(committed.version, conflicts + 1);
    }
  }

  /**
   * One decision and its append.
   * @returns 'again' if the decision was based on a state that was not the stream's.
   */
  async #attempt(): Promise<CommandOutcome | 'again'> {
    const { command, input, options } = this.#admitted;
    const { states } = this.#tools;
    const known = await this.#load();
    const { facts, outdated, held } = await gather(command, input, options.actor, known, states);
    // Nothing is awaited from here to the append, so that the state cannot move in between.
    if (known.isDiscarded || outdated) return 'again';
    const { version, state } = known;
    this.#decidedOn = version;
    this.#access = commandAccess(command, options.actor, input, known, facts);
    const isBorrowed = command.creates && options.idsFrom !== 'engine' && isDerivedId(this.#streamId);
    // If the actor may not see the aggregate, the answer does not tell if there is one.
    if (isBorrowed && this.#access === (version === 0 ? 'permitted' : 'taken')) {
      return { kind: 'invalid', issues: [{ path: ['id'], message: `${this.#streamId} ${RESERVED}` }] };
    }
    if (this.#access !== 'permitted') {
      return (await states.confirm(known, version)) ? this.#answerUnseen() : 'again';
    }
    const { expectedVersion } = options;
    if (expectedVersion != null && expectedVersion !== version) {
      return this.#confirmed(known, { kind: 'conflict', expectedVersion, actualVersion: version });
    }
    const decision = facts instanceof Rejection ? facts : command.decide(state, input, facts);
    if (decision instanceof Rejection) {
      const { code, message } = decision;
      return this.#confirmed(known, { kind: 'rejected', code, message });
    }
    const events = 'type' in decision ? [decision] : decision;
    // Without an id from the client, the command cannot be repeated: it needs no receipt.
    if (events.length === 0 && !options.commandId) return this.#acceptNothing(known);
    return this.#append(known, events, held);
  }

  #load(): StreamState | Promise<StreamState> {
    const { states } = this.#tools;
    const { aggregate, creates } = this.#admitted.command;
    if (this.#isNewId) return states.getNew(aggregate, this.#streamId);
    return creates ? states.getToCreate(aggregate, this.#streamId) : states.get(aggregate, this.#streamId);
  }

  async #append(
    known: StreamState,
    decided: readonly NewEvent[],
    held: readonly HeldStream[],
  ): Promise<CommandOutcome | 'again'> {
    const { states, queue, admission, whyNotStorable } = this.#tools;
    const { command, identity, metadata, options, place } = this.#admitted;
    const { events, next, refused } = this.#prepare(known, decided);
    if (refused) return this.#confirmed(known, refused);
    const bytes = bytesOf(events);
    const caller = callerOf(options);
    const append: Append = {
      streamType: command.aggregate.name,
      streamId: this.#streamId,
      expectedVersion: known.version,
      ...identity,
      metadata,
      caller,
      occurredAt: options.occurredAt,
      events,
      bytes,
      held,
    };
    const message = whyNotStorable?.(append);
    if (message) return this.#confirmed(known, { kind: 'rejected', code: 'NOT_STORABLE', message });
    const outcome = await states.append(known, append, next, queue);
    if (outcome.outcome === 'conflict') return 'again';
    if (outcome.outcome === 'accepted') {
      admission?.appended(caller, events.length, bytes);
      const { commandId } = identity;
      place?.appended({ commandId, bytes, position: outcome.position, nameCaller: initiatorOf(metadata) === caller });
      options.onAppended?.(bytes);
    }
    return this.#answerOf(outcome);
  }

  /**
   * The events in the form in which they are appended, and the state after them. If there is a keyring, what is personal in them is
   * marked for encryption. Events of a stream that is about somebody who was erased are stored without what is personal.
   * @returns a refusal if they would begin such a stream on behalf of a caller.
   */
  #prepare(known: StreamState, decided: readonly NewEvent[]) {
    const { command, metadata, options } = this.#admitted;
    const plain = decided.map((event) => toAppendEvent(command, event));
    const next = known.after(plain);
    const forged = plain.find(({ data }) => sealOf(data));
    if (forged) return { events: plain, next, refused: notStorable(forged.type) };
    const { sealing } = this.#tools;
    if (!sealing) return { events: plain, next };
    const { aggregate } = command;
    const inherited = options.subject ?? known.subject;
    const stream = { aggregate, streamId: this.#streamId, state: next.state, actor: metadata.actor, inherited };
    const { events, erased } = sealEvents(plain, stream, sealing);
    if (!erased) return { events, next };
    const refused = known.version === 0 && !isSystems(options) ? SUBJECT_ERASED : undefined;
    return { events, next: known.after(events), refused };
  }

  /** Checks that a decision without events is valid: the state was current, and the command is not a repeat. */
  async #confirmed(known: StreamState, answer: CommandOutcome): Promise<CommandOutcome | 'again'> {
    // The first attempt of this command may be in progress. It is found only when it is settled, so this comes first.
    if (!(await this.#tools.states.confirm(known, this.#decidedOn))) return 'again';
    return this.#unlessReplayed(answer);
  }

  async #acceptNothing(known: StreamState): Promise<CommandOutcome | 'again'> {
    const { states, log } = this.#tools;
    const version = this.#decidedOn;
    const confirmed = await states.confirm(known, version);
    const { position } = await log.head();
    if (!confirmed) return 'again';
    const { commandId } = this.#admitted.identity;
    return {
      kind: 'accepted',
      receipt: { commandId, aggregateId: this.#streamId, version, position, replayed: false },
    };
  }

  #giveUp(actualVersion: number, attempts: number): Promise<CommandOutcome> {
    if (this.#access !== 'permitted') return this.#answerUnseen();
    const { expectedVersion } = this.#admitted.options;
    return this.#unlessReplayed(
      expectedVersion == null || expectedVersion === actualVersion
        ? { kind: 'conflict', expectedVersion: this.#decidedOn, actualVersion, attempts }
        : { kind: 'conflict', expectedVersion, actualVersion },
    );
  }

  /** The first answer if the client's command id was used before, else `answer`. */
  async #unlessReplayed(answer: CommandOutcome): Promise<CommandOutcome> {
    const found = await this.#findEarlier();
    return found ? this.#answerOf(found) : answer;
  }

  /**
   * The answer for an actor who is not permitted. If they may not know the aggregate, it is the same answer, with the
   * same work, as if there were none.
   */
  async #answerUnseen(): Promise<CommandOutcome> {
    const { command, identity, options } = this.#admitted;
    const found = await this.#findEarlier();
    // The actor may have been permitted before: the command itself may have changed what the rule depends on.
    if (found?.outcome === 'replayed') return this.#answerOf(found);
    if (this.#access === 'forbidden' || this.#access === 'permitted')
      throw new ForbiddenError(`You may not issue ${command.name} here.`);
    if (found) return { kind: 'reused', commandId: identity.commandId };
    return answerUnseen(command, this.#streamId, this.#access, options.expectedVersion);
  }

  /** The command that has already used the client's command id; undefined if the client gave none. */
  async #findEarlier() {
    const { identity, metadata, options } = this.#admitted;
    return options.commandId ? this.#tools.log.findCommand(identity, metadata.actor.id) : undefined;
  }

  #answerOf(outcome: Exclude<AppendOutcome, { outcome: 'conflict' }>): CommandOutcome {
    const { commandId } = this.#admitted.identity;
    if (outcome.outcome === 'reused') return { kind: 'reused', commandId };
    if (outcome.outcome === 'taken') return ID_TAKEN;
    const { streamId: aggregateId, version, position } = outcome;
    const replayed = outcome.outcome === 'replayed';
    return { kind: 'accepted', receipt: { commandId, aggregateId, version, position, replayed } };
  }
}

/** Otherwise readers would take what somebody has written for what was encrypted. */
function notStorable(type: string) {
  const message = `The data of ${type} has a member ${SEAL}, which only the engine may use.`;
  return { kind: 'rejected', code: 'NOT_STORABLE', message } as const;
}

const SUBJECT_ERASED = {
  kind: 'rejected',
  code: 'SUBJECT_ERASED',
  message:
    'The person whom this is about was erased: nothing new can be stored about them. A new person needs a new id.',
} as const;

/** Validates a decided event, and brings it into the form in which it is stored. */
function toAppendEvent({ name, aggregate }: Command, { type, data }: NewEvent): AppendEvent {
  const definition = aggregate.events[type];
  if (!definition) throw new Error(`${name} decided ${type}, which ${aggregate.name} does not have.`);
  const { schemaVersion } = definition;
  return { type, schemaVersion, data: definition.decode(data, schemaVersion) };
}

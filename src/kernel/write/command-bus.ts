import { Roster, type RosterMember } from '../../database/roster.ts';
import { NOBODY } from '../define/access/actor.ts';
import type { Command, InputOf } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { ThrottledError } from '../errors.ts';
import type { AppendQueue } from '../log/append/append-queue.ts';
import { newId } from '../log/new-id.ts';
import { orElsewhere } from '../log/newer-events.ts';
import { type EngineObserver, unobserved } from '../observe/occurrences.ts';
import type { Obstacles } from '../obstacles.ts';
import type { Admission } from './admission/admission.ts';
import type { CommandPlace, CommandWindows } from './admission/command-window.ts';
import { refuseByRole } from './authorise.ts';
import { commandIdentity } from './command-identity.ts';
import { type AdmittedCommand, CommandRun, type CommandTools } from './command-run.ts';
import { withTelemetry } from './command-telemetry.ts';
import { metadataOf } from './event-metadata.ts';
import { callerOf, type ExecuteOptions, isSystems } from './execute-options.ts';
import { validate } from './validate.ts';

export interface CommandBusParts extends CommandTools {
  readonly queue: Pick<AppendQueue, 'append' | 'assertRoom'>;
  /** Limits how many commands of one caller are executed at the same time. Default: no limit. */
  readonly windows?: Pick<CommandWindows, 'execute'> | undefined;
  /** Asked before a command is accepted. */
  readonly admission?: Pick<Admission, 'assertAdmitted' | 'appended'> | undefined;
  /** Reasons for which every command is refused. */
  readonly obstacles?: Pick<Obstacles, 'assertNone'> | undefined;
  readonly observer?: EngineObserver | undefined;
}

interface Running extends RosterMember {
  readonly answer: Promise<CommandOutcome>;
}

/**
 * Accepts commands: it admits, validates and runs them, and answers with a receipt or with the reason for a refusal.
 */
export class CommandBus {
  readonly #parts: CommandBusParts;
  readonly #observer: EngineObserver;
  readonly #running = new Roster<Running>();
  #isClosed = false;

  constructor(parts: CommandBusParts) {
    this.#parts = parts;
    this.#observer = parts.observer ?? unobserved;
  }

  /**
   * Issues a command.
   *
   * @returns the answer; an accepted command is durable.
   * @throws {UnauthenticatedError} {@link ForbiddenError}, ThrottledError (nothing was accepted; {@link
   * NewerEventError} if another instance can accept it), OutcomeUnknownError (send it again with the same command id),
   * or the database's error.
   */
  async execute<C extends Command>(command: C, input: InputOf<C>, options: ExecuteOptions): Promise<CommandOutcome> {
    return this.executeUnchecked(command, input, options);
  }

  /** Like {@link execute}, for input from outside, which has no type yet. */
  async executeUnchecked(command: Command, input: unknown, options: ExecuteOptions): Promise<CommandOutcome> {
    const answer = withTelemetry(this.#observer, command, options, (own) =>
      orElsewhere(() => this.#run(command, input, own)),
    );
    const running = { place: -1, answer };
    this.#running.add(running);
    try {
      return await answer;
    } finally {
      this.#running.remove(running);
    }
  }

  /** Accepts no more commands. Resolves when every accepted one is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running.all().map(({ answer }) => answer));
  }

  async #run(command: Command, input: unknown, options: ExecuteOptions): Promise<CommandOutcome> {
    this.#assertAdmitted(command, options);
    const run = (place?: CommandPlace) => this.#runAdmitted(command, input, options, place);
    const { windows } = this.#parts;
    return windows ? windows.execute(callerOf(options), input, !isSystems(options), run) : run();
  }

  async #runAdmitted(
    command: Command,
    input: unknown,
    options: ExecuteOptions,
    place: CommandPlace | undefined,
  ): Promise<CommandOutcome> {
    const validated = validate(command, input, options);
    if ('issues' in validated) return { kind: 'invalid', issues: validated.issues };
    const admitted = identified(command, validated.input, options, this.#parts.sealing?.keys.hashKey);
    return new CommandRun(this.#parts, { ...admitted, place }).answer();
  }

  /** @throws if the command would be refused whatever its input. */
  #assertAdmitted(command: Command, options: ExecuteOptions): void {
    if (this.#isClosed) throw new ThrottledError(1000, 'The server is shutting down.');
    const { obstacles, queue, admission } = this.#parts;
    refuseByRole(command, options.actor);
    obstacles?.assertNone();
    const share = isSystems(options) ? undefined : callerOf(options);
    queue.assertRoom(share);
    if (!options.isContinuation) admission?.assertAdmitted(share);
  }
}

function identified(
  command: Command,
  input: unknown,
  options: ExecuteOptions,
  hashKey: Buffer | undefined,
): Omit<AdmittedCommand, 'place'> {
  const { actor, commandId, idsFrom } = options;
  const identity = commandIdentity(
    command.name,
    input,
    (actor ?? NOBODY).id,
    commandId?.toLowerCase() ?? newId(),
    commandId ? idsFrom : 'client',
    hashKey,
  );
  return { command, input, identity, options, metadata: metadataOf(options, identity.commandId) };
}

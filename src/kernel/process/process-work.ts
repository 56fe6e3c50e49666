import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process } from '../define/process-manager/process.ts';
import type { processEvents } from '../define/process-manager/process-events.ts';
import { isUuid } from '../define/uuid.ts';
import type { ExecuteOptions } from '../write/execute-options.ts';
import type { DueDeadlines } from './due-deadlines.ts';
import { type DeadlineWork, type EventRoute, streamOf, type Work } from './follow/work.ts';
import {
  assertDone,
  BusyError,
  type CommandIssuer,
  causedBy,
  IdsUsedError,
  nthId,
  onBehalfOf,
} from './issue-command.ts';
import { type FinalRefusal, type OwnCommand, reaching, reacting, refusing } from './process-commands.ts';
import { begins, processIdOf } from './react.ts';

export interface ProcessWorkParts {
  readonly db: Database;
  readonly process: Process;
  readonly bus: CommandIssuer;
  readonly clock: DueDeadlines;
  /** Types of streams whose events this process handles. */
  readonly follows: ReadonlySet<string>;
}

/** Number of ids that are tried for one command, if earlier ones were used for something else. */
const IDS = 5;

/**
 * Passes events to the processes of one kind, and issues the commands that they request. Every command has an id that
 * is derived from the event's, so that it takes effect once, however often the event is passed on.
 */
export class ProcessWork implements Work {
  readonly deadlines: DeadlineWork;
  readonly #parts: ProcessWorkParts;
  readonly #begun: ReturnType<typeof prepared<{ id: string }>>;

  constructor(parts: ProcessWorkParts) {
    this.#parts = parts;
    const { process, clock } = parts;
    this.deadlines = {
      watch: (tell, stopping) => clock.run(process, tell, stopping),
      find: (id, name, at) => clock.find(process, id, name, at),
      tell: ({ id, name, at, begun }) => this.#issueOwn(reaching(process, id, name, at), onBehalfOf(begun)),
      partitionOf: (id) => this.#partitionOf(id),
    };
    this.#begun = prepared(
      parts.db,
      'processes_begun',
      sql`select stream_id as id from es.events
          where stream_type = ${sql.placeholder('type')} and version = 1
            and stream_id in (select jsonb_array_elements_text(${sql.placeholder('ids')}::jsonb)::uuid)`,
    );
  }

  wanted(type: string): boolean {
    const { on, aggregate } = this.#parts.process;
    return on.has(type) || type in aggregate.events;
  }

  follows(streamType: string): boolean {
    return this.#parts.follows.has(streamType);
  }

  /**
   * Most events may be about subjects for which no process has begun, such as imported orders. One query for all finds
   * these, instead of a command for each.
   */
  async routesOf(
    events: readonly RecordedEvent[],
    isOpen: (partition: string) => boolean,
  ): Promise<(EventRoute | Error | undefined)[]> {
    const { process } = this.#parts;
    const ids = events.map((event) => this.#processOf(event));
    const begun = new Set<string>();
    const doubtful = new Set<string>();
    for (const [nth, event] of events.entries()) {
      const id = ids[nth];
      if (typeof id !== 'string') continue;
      if (event.streamType === process.name || begins(process, event) || isOpen(this.#partitionOf(id))) begun.add(id);
      else if (!begun.has(id)) doubtful.add(id);
    }
    if (doubtful.size > 0) {
      for (const { id } of await this.#begun({ type: process.name, ids: JSON.stringify([...doubtful]) })) begun.add(id);
    }
    return ids.map((id, nth) => {
      if (typeof id !== 'string') return id;
      const group = this.#groupOf(events[nth] as RecordedEvent);
      return { partition: this.#partitionOf(id), hasBegun: begun.has(id), ...(group ? { group } : {}) };
    });
  }

  async answer(event: RecordedEvent): Promise<void> {
    if (this.#isRequest(event)) return this.#issue(event);
    const id = processIdOf(this.#parts.process, event);
    if (id !== undefined) await this.#issueOwn(reacting(this.#parts.process, id, event), causedBy(event));
  }

  #partitionOf(id: string): string {
    return streamOf({ streamType: this.#parts.process.name, streamId: id });
  }

  #processOf(event: RecordedEvent): string | Error | undefined {
    if (this.#isRequest(event)) return event.streamId;
    try {
      const id = processIdOf(this.#parts.process, event);
      if (id === undefined || isUuid(id)) return id;
      return new Error(
        `${this.#parts.process.name} says that ${event.type} is for the process ${id}, which is not a UUID.`,
      );
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #isRequest({ streamType, type }: RecordedEvent): boolean {
    return streamType === this.#parts.process.name && type === 'CommandRequested';
  }

  /**
   * Consecutive requests of one command for different streams are issued together, so that their appends share a batch.
   */
  #groupOf(event: RecordedEvent): EventRoute['group'] {
    if (!this.#isRequest(event)) return undefined;
    const { command: name, input } = event.data as RequestedData;
    const command = this.#parts.process.issues.get(name);
    try {
      const id = command?.id(input)?.toLowerCase();
      return id === undefined ? undefined : { kind: name, target: id };
    } catch {
      // If the input is invalid, the command reports it when it is issued.
      return undefined;
    }
  }

  /** Issues the command that the process has requested. If it is not accepted, the process is told through the log. */
  async #issue(event: RecordedEvent): Promise<void> {
    const { process, bus } = this.#parts;
    const requested = event.data as RequestedData;
    const command = process.issues.get(requested.command);
    const issue = async (commandId: string): Promise<CommandOutcome> =>
      command
        ? bus.executeUnchecked(command, requested.input, { commandId, ...causedBy(event) })
        : { kind: 'rejected', code: 'UNKNOWN_COMMAND', message: `There is no command ${requested.command}.` };
    const refuse = (commandId: string, outcome: FinalRefusal) =>
      this.#executeOwn(refusing(process, event.streamId, { ...requested, commandId }, outcome), causedBy(event));
    for (let nth = 0; nth < IDS; nth++) {
      const commandId = nthId(requested.commandId, nth);
      const outcome = await issue(commandId);
      if (outcome.kind === 'accepted') return;
      if (outcome.kind === 'conflict') throw new BusyError(requested.command, commandId);
      // Another instance may have recorded a refusal under this id.
      const told = await refuse(commandId, outcome.kind === 'reused' ? REFUSED : outcome);
      if (told.kind !== 'reused') return assertDone(told, requested.command, commandId);
      // Or another instance issued the command later and it was accepted. Then its events count.
      if (outcome.kind !== 'reused' && (await issue(commandId)).kind === 'accepted') return;
      // Otherwise the id was used for something else. Every instance finds this, and takes the next id.
    }
    throw new IdsUsedError(requested.command, requested.commandId);
  }

  async #issueOwn(own: OwnCommand, options: ExecuteOptions): Promise<void> {
    for (let nth = 0; nth < IDS; nth++) {
      const commandId = nthId(own.commandId, nth);
      const outcome = await this.#executeOwn({ ...own, commandId }, options);
      if (outcome.kind !== 'reused') return assertDone(outcome, own.command.name, commandId);
    }
    throw new IdsUsedError(own.command.name, own.commandId);
  }

  #executeOwn({ command, input, commandId }: OwnCommand, options: ExecuteOptions): Promise<CommandOutcome> {
    return this.#parts.bus.executeUnchecked(command, input, { ...options, commandId });
  }
}

type RequestedData = ReturnType<typeof processEvents.CommandRequested>['data'];

/** Stands for a refusal whose reason is already in the log. */
const REFUSED = { kind: 'rejected', code: 'REFUSED', message: 'It was refused before.' } as const;

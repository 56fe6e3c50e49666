import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process } from '../define/process.ts';
import type { processEvents } from '../define/process-events.ts';
import type { CommandOptions } from '../write/command-options.ts';
import type { CommandOutcome } from '../write/outcome.ts';
import { type OwnCommand, reaching, reacting, refusing } from './commands.ts';
import type { Due, DueDeadlines } from './due-deadlines.ts';
import type { Patiently, Work } from './follower.ts';
import { assertDone, BusyError, causedBy, type Issuer, onBehalfOf } from './issuing.ts';
import { begins, processIdOf } from './react.ts';

export interface ProcessWorkParts {
  readonly db: Database;
  readonly process: Process;
  readonly bus: Issuer;
  readonly deadlines: DueDeadlines;
}

/**
 * Tells one kind of process of the events that concern it, and issues the commands that it asks for. Every effect has an id that
 * follows from the event's, so that it happens once however often the process is told.
 */
export class ProcessWork implements Work {
  readonly #parts: ProcessWorkParts;
  readonly #begun: ReturnType<typeof prepared<{ id: string }>>;

  constructor(parts: ProcessWorkParts) {
    this.#parts = parts;
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

  /**
   * Most events of a kind may be about what no process was begun for: of an imported order, say. Those are found out with one look
   * for all rather than with a command each.
   */
  async linesOf(events: readonly RecordedEvent[], isOpen: (line: string) => boolean): Promise<(string | undefined)[]> {
    const { process } = this.#parts;
    const ids = events.map((event) => this.#processOf(event));
    const begun = new Set<string>();
    const doubtful = new Set<string>();
    for (const [nth, event] of events.entries()) {
      const id = ids[nth];
      if (id === undefined) continue;
      if (event.streamType === process.name || begins(process, event) || isOpen(id)) begun.add(id);
      else if (!begun.has(id)) doubtful.add(id);
    }
    if (doubtful.size === 0) return ids;
    for (const { id } of await this.#begun({ type: process.name, ids: JSON.stringify([...doubtful]) })) begun.add(id);
    return ids.map((id) => (id !== undefined && begun.has(id) ? id : undefined));
  }

  async answer(event: RecordedEvent, id: string): Promise<void> {
    if (this.#isRequest(event)) await this.#issue(event);
    else await this.#issueOwn(reacting(this.#parts.process, id, event), causedBy(event));
  }

  alongside(patiently: Patiently, stopping: AbortSignal): Promise<void> {
    const { deadlines, process } = this.#parts;
    const reach = ({ id, name, at, begun }: Due) =>
      patiently(
        () => this.#issueOwn(reaching(process, id, name, at), onBehalfOf(begun)),
        { process: id, deadline: name },
        stopping,
      );
    return deadlines.run(process, reach, stopping);
  }

  #processOf(event: RecordedEvent): string | undefined {
    return this.#isRequest(event) ? event.streamId : processIdOf(this.#parts.process, event);
  }

  #isRequest({ streamType, type }: RecordedEvent): boolean {
    return streamType === this.#parts.process.name && type === 'CommandRequested';
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
    if (outcome.kind === 'reused')
      return this.#issueOwn(refusing(process, event.streamId, requested, REFUSED), causedBy(event));
    const told = await this.#executeOwn(refusing(process, event.streamId, requested, outcome), causedBy(event));
    // Another instance issued it too, later, and then it was accepted: what it did holds.
    if (told.kind !== 'reused') assertDone(told, command?.name ?? requested.command, commandId);
  }

  async #issueOwn(own: OwnCommand, options: CommandOptions): Promise<void> {
    assertDone(await this.#executeOwn(own, options), own.command.name, own.commandId);
  }

  #executeOwn({ command, input, commandId }: OwnCommand, options: CommandOptions): Promise<CommandOutcome> {
    return this.#parts.bus.executeUnchecked(command, input, { ...options, commandId });
  }
}

/** Stands for a refusal that is in the log with its reason. */
const REFUSED = { kind: 'rejected', code: 'REFUSED', message: 'It was refused before.' } as const;

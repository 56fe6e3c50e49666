import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Command, InputOf } from '../define/command.ts';
import type { NewEvent, RecordedEvent } from '../define/event.ts';
import type { Process, ProcessState } from '../define/process-manager/process.ts';
import { processEvents } from '../define/process-manager/process-events.ts';
import { begins, processIdOf, react } from '../process/react.ts';
import { deepFreeze } from './freeze.ts';
import { asStored, recorded } from './recorded.ts';

/**
 * Starts a test of a process, with what happened before, as {@link recorded} makes it:
 *
 * ```ts
 * const log = recorded(Loan, loanId, [BookLent({ … })]);
 * givenProcess(Reminder, []).whenEvent(log[0]).thenIssues([sendReminder, { … }]);
 * givenProcess(Reminder, log).whenRefused(sendReminder, 'NO_ADDRESS').thenIssues([closeLoan, { … }]);
 * givenProcess(Reminder, log).whenDeadline('due').thenIssues(…);
 * ```
 */
export function givenProcess<State>(process: Process<State>, history: readonly RecordedEvent[]): GivenProcess<State> {
  return history.reduce((given, event) => given.and(event), new GivenProcess(process, new Map(), history.length));
}

interface Instance<State> {
  readonly version: number;
  readonly state: ProcessState<State>;
  /** The commands that it has requested, newest last. */
  readonly requested: readonly RequestedCommand[];
}
interface RequestedCommand {
  readonly commandId: string;
  readonly command: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Processes and the events that they have seen. Every method returns a new object. */
export class GivenProcess<State> {
  readonly #process: Process<State>;
  readonly #instances: ReadonlyMap<string, Instance<State>>;
  readonly #position: number;

  /** Call {@link givenProcess} instead. */
  constructor(process: Process<State>, instances: ReadonlyMap<string, Instance<State>>, position: number) {
    this.#process = process;
    this.#instances = instances;
    this.#position = position;
  }

  /** One more event arrives. */
  and(event: RecordedEvent): GivenProcess<State> {
    return this.whenEvent(event).given;
  }

  /** An event of another stream arrives. */
  whenEvent(event: RecordedEvent | undefined): WhenProcess<State> {
    if (!event) throw new Error('There is no event to tell the process of.');
    const id = processIdOf(this.#process, event);
    if (id === undefined) return new WhenProcess(this, []);
    return this.#tell(id, event);
  }

  /** The newest command of this kind that the process has issued was not accepted. */
  whenRefused<C extends Command>(command: C, code: string, input?: Partial<InputOf<C>>): WhenProcess<State> {
    for (const [id, { requested }] of this.#instances) {
      const found = requested.findLast((asked) => asked.command === command.name && includes(asked.input, input));
      if (!found) continue;
      const refused = processEvents.CommandRefused({
        ...(found as RequestedCommand & { input: Record<string, never> }),
        code,
        message: `${code}.`,
      });
      return this.#tellOwn(id, refused);
    }
    throw new Error(`${this.#process.name} has not issued ${command.name}${input ? ` with ${inspect(input)}` : ''}.`);
  }

  /** A deadline that the process has set fires. */
  whenDeadline(name: string): WhenProcess<State> {
    for (const [id, { state }] of this.#instances) {
      const at = state.deadlines[name];
      if (at !== undefined) return this.#tellOwn(id, processEvents.DeadlineReached({ name, at }));
    }
    throw new Error(`${this.#process.name} has set no deadline ${name}.`);
  }

  /** The state of the only process. */
  get state(): State {
    const [instance] = this.#instances.values();
    return (instance?.state ?? this.#process.aggregate.initialState()).own;
  }

  #tellOwn(id: string, event: NewEvent): WhenProcess<State> {
    const { aggregate } = this.#process;
    const [stored] = recorded(aggregate as never, id, [event as never]);
    const told = { ...(stored as RecordedEvent), position: this.#position + 1, eventId: eventIdAt(this.#position + 1) };
    return this.#with(id, [event]).#tell(id, told);
  }

  #tell(id: string, event: RecordedEvent): WhenProcess<State> {
    const { state, version } = this.#instanceOf(id);
    if (version === 0 && !begins(this.#process, event)) return new WhenProcess(this, []);
    const events = react(this.#process, state, event).map((decided) =>
      asStored(this.#process.aggregate as never, decided),
    );
    return new WhenProcess(this.#with(id, events), events);
  }

  #with(id: string, events: readonly NewEvent[]): GivenProcess<State> {
    const instance = events.reduce<Instance<State>>(
      ({ state, version, requested }, event) => ({
        version: version + 1,
        state: deepFreeze(this.#process.aggregate.evolve(state, event)),
        requested: event.type === 'CommandRequested' ? [...requested, event.data as RequestedCommand] : requested,
      }),
      this.#instanceOf(id),
    );
    return new GivenProcess(this.#process, new Map(this.#instances).set(id, instance), this.#position + 1);
  }

  #instanceOf(id: string): Instance<State> {
    const blank = { version: 0, state: deepFreeze(this.#process.aggregate.initialState()), requested: [] };
    return this.#instances.get(id) ?? blank;
  }
}

/** The reaction of the process. */
export class WhenProcess<State> {
  /** The process afterwards, for continuing. */
  readonly given: GivenProcess<State>;
  readonly #events: readonly NewEvent[];

  /** Call {@link givenProcess} instead. */
  constructor(given: GivenProcess<State>, events: readonly NewEvent[]) {
    this.given = given;
    this.#events = events;
  }

  /** It issues exactly these commands, in this order. */
  thenIssues(...expected: readonly (readonly [Command, unknown])[]): this {
    const issued = this.#of('CommandRequested').map(({ data }) => {
      const { command, input } = data as RequestedCommand;
      return { command, input };
    });
    assert.deepEqual(
      issued,
      expected.map(([{ name }, input]) => ({ command: name, input: JSON.parse(JSON.stringify(input)) })),
    );
    return this;
  }

  /** It remembers exactly these events of its own, in this order. */
  thenRemembers(...expected: readonly NewEvent[]): this {
    const engine = new Set(Object.keys(processEvents));
    const own = this.#events.filter(({ type }) => !engine.has(type));
    assert.deepEqual(JSON.parse(JSON.stringify(own)), JSON.parse(JSON.stringify(expected)));
    return this;
  }

  /** It sets exactly these deadlines: name → time. */
  thenDeadlines(expected: Readonly<Record<string, Date>>): this {
    const set = this.#of('DeadlineSet').map(({ data }) => data as { name: string; at: string });
    assert.deepEqual(
      Object.fromEntries(set.map(({ name, at }) => [name, at])),
      Object.fromEntries(Object.entries(expected).map(([name, at]) => [name, at.toISOString()])),
    );
    return this;
  }

  /** It does nothing at all. */
  thenNothing(): this {
    assert.deepEqual(this.#events, []);
    return this;
  }

  #of(type: keyof typeof processEvents): readonly NewEvent[] {
    return this.#events.filter((event) => event.type === type);
  }
}

function includes(input: Readonly<Record<string, unknown>>, part: Readonly<Record<string, unknown>> = {}): boolean {
  return Object.entries(part).every(([key, value]) => JSON.stringify(input[key]) === JSON.stringify(value));
}

function eventIdAt(position: number): string {
  return `00000000-0001-7000-8000-${position.toString(16).padStart(12, '0')}`;
}

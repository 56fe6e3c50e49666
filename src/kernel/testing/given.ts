import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Actor } from '../define/access/actor.ts';
import type { Aggregate } from '../define/aggregate.ts';
import { type Command, type GatherTools, type InputOf, type Load, Rejection } from '../define/command.ts';
import type { InputIssue } from '../define/command-outcome.ts';
import type { EventTypes, NewEvent, NewEventOf } from '../define/event.ts';
import { mayHere } from '../write/authorise.ts';
import { validate } from '../write/validate.ts';
import { deepFreeze } from './freeze.ts';
import { asStored } from './recorded.ts';

/** The outcome of a command without a store. */
export type Outcome =
  | { readonly kind: 'events'; readonly events: readonly NewEvent[] }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }
  | { readonly kind: 'invalid'; readonly issues: readonly InputIssue[] }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'forbidden' };

/**
 * Starts a test of a command, with the stream's past:
 *
 * ```ts
 * await given(Loan, [BookLent({ … })]).when(returnBook, { loanId }).thenEvents(BookReturned({}));
 * await given(Loan).and(Member, memberId, [ … ]).when(lendBook, { … }).thenRejected('CARD_EXPIRED');
 * ```
 *
 * The input is validated; events go through JSON and their schemas, and the state through JSON, as in the store; all of
 * them are frozen, so a function that ought to be pure and changes one throws.
 */
export function given<State, Events extends EventTypes>(
  aggregate: Aggregate<State, Events>,
  history: readonly NewEventOf<Events>[] = [],
): Given {
  return new Given(aggregate, history, new Map(), undefined);
}

/** The past of a command. Every method returns a new object. */
export class Given {
  readonly #aggregate: Aggregate;
  readonly #history: readonly NewEvent[];
  readonly #others: ReadonlyMap<string, unknown>;
  readonly #actor: Actor | null | undefined;

  /** Call {@link given} instead. */
  constructor(
    aggregate: Aggregate,
    history: readonly NewEvent[],
    others: ReadonlyMap<string, unknown>,
    actor: Actor | null | undefined,
  ) {
    this.#aggregate = aggregate;
    this.#history = history;
    this.#others = others;
    this.#actor = actor;
  }

  /** Another stream, which the command's `gather` may load. */
  and<State, Events extends EventTypes>(
    aggregate: Aggregate<State, Events>,
    id: string,
    history: readonly NewEventOf<Events>[],
  ): Given {
    const others = new Map(this.#others);
    if (history.length > 0) others.set(addressOf(aggregate, id), stateAfter(aggregate, history));
    return new Given(this.#aggregate, this.#history, others, this.#actor);
  }

  /** Sets the issuer of the command, null for nobody; without this its `allow` is not checked. */
  by(actor: Actor | null): Given {
    return new Given(this.#aggregate, this.#history, this.#others, actor);
  }

  /** Issues a command. If `facts` are given, they replace the result of its `gather`. */
  when<C extends Command>(command: C, input: InputOf<C>, facts?: unknown): When {
    return new When(command.name, () => this.#issue(command, input, facts));
  }

  async #issue(command: Command, rawInput: unknown, given: unknown): Promise<Outcome> {
    const aggregate = this.#aggregate;
    if (command.aggregate !== aggregate) {
      throw new Error(`${command.name} is a command of ${command.aggregate.name}, not of ${aggregate.name}.`);
    }
    const validated = validate(command, rawInput, {});
    if ('issues' in validated) return { kind: 'invalid', issues: validated.issues };
    const input = deepFreeze(validated.input);
    const state = stateAfter(aggregate, this.#history);
    if (this.#history.length === 0 && !command.creates) return { kind: 'notFound' };
    const facts = given === undefined ? await command.gather?.(input, this.#toolsFor(state)) : given;
    if (this.#actor !== undefined && !mayHere(command, this.#actor, input, state, facts)) return { kind: 'forbidden' };
    const decision = facts instanceof Rejection ? facts : command.decide(state, input, facts);
    if (decision instanceof Rejection) return { kind: 'rejected', code: decision.code, message: decision.message };
    const decided = 'type' in decision ? [decision] : decision;
    const events = decided.map((event) => asStored(aggregate, event));
    // The state must also be able to evolve with the events.
    stateAfter(aggregate, [...this.#history, ...events]);
    return { kind: 'events', events };
  }

  #toolsFor(state: unknown): GatherTools<unknown> {
    const stateAt = async (version: number) => {
      if (version < 1 || version > this.#history.length) return undefined;
      return stateAfter(this.#aggregate, this.#history.slice(0, version));
    };
    return { load: this.#load, hold: this.#load, state, stateAt, actor: this.#actor ?? null };
  }

  readonly #load: Load = async (aggregate, id) =>
    this.#others.get(addressOf(aggregate, id)) as ReturnType<typeof aggregate.initialState> | undefined;
}

/** A command to issue. Every expectation is a promise: await it. */
export class When {
  readonly #name: string;
  readonly #issue: () => Promise<Outcome>;

  /** Call {@link given} and {@link Given.when} instead. */
  constructor(name: string, issue: () => Promise<Outcome>) {
    this.#name = name;
    this.#issue = issue;
  }

  /** The outcome of the command, for tests that continue from there. */
  outcome(): Promise<Outcome> {
    return this.#issue();
  }

  /** The command decides exactly these events, in this order; none if nothing should happen. */
  async thenEvents(...expected: readonly NewEvent[]): Promise<void> {
    const { events } = await this.#expect('events');
    assert.deepEqual(plain(events), plain(expected));
  }

  /** A rule with this code refuses the command. @returns its sentence. */
  async thenRejected(code: string): Promise<string> {
    const outcome = await this.#expect('rejected');
    assert.equal(outcome.code, code, `Expected ${this.#name} to be rejected with ${code}, but ${told(outcome)}.`);
    return outcome.message;
  }

  /** The input has an issue at each of these paths (such as `items.0.quantity`) and nowhere else. */
  async thenInvalid(...paths: readonly string[]): Promise<readonly InputIssue[]> {
    const { issues } = await this.#expect('invalid');
    assert.deepEqual([...new Set(issues.map(({ path }) => path.join('.')))].sort(), [...paths].sort());
    return issues;
  }

  /** The stream has no events, and the command does not begin one. */
  async thenNotFound(): Promise<void> {
    await this.#expect('notFound');
  }

  /**
   * The actor may not issue the command. If they may not even see the aggregate, the answer is the same as for one that
   * does not exist: see `visibleTo`.
   */
  async thenForbidden(): Promise<void> {
    await this.#expect('forbidden');
  }

  async #expect<K extends Outcome['kind']>(kind: K): Promise<Extract<Outcome, { kind: K }>> {
    const outcome = await this.#issue();
    if (outcome.kind !== kind) assert.fail(`Expected of ${this.#name}: ${kind}; but ${told(outcome)}.`);
    return outcome as Extract<Outcome, { kind: K }>;
  }
}

function told(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'events':
      return outcome.events.length === 0 ? 'nothing happened' : `these happened: ${show(outcome.events)}`;
    case 'rejected':
      return `it was rejected with ${outcome.code} (${outcome.message})`;
    case 'invalid':
      return `its input is invalid: ${show(outcome.issues)}`;
    case 'notFound':
      return 'the stream has no events';
    case 'forbidden':
      return 'the actor may not issue it';
  }
}

function show(value: unknown): string {
  return inspect(value, { depth: 10 });
}

/** @throws {AssertionError} if the state does not survive JSON. */
function stateAfter<State>(aggregate: Aggregate<State>, history: readonly NewEvent[]): State {
  let state = deepFreeze(aggregate.initialState());
  for (const event of history) state = deepFreeze(aggregate.evolve(state, asStored(aggregate, event)));
  const restored = plain(state);
  const message = `The state of ${aggregate.name} does not survive JSON, so a snapshot would spoil it`;
  assert.ok(isDeepStrictEqual(restored, withoutUndefined(state)), `${message}: ${show(state)}`);
  return deepFreeze(restored);
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** JSON omits these, and reading a missing property gives undefined again: nothing is lost. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const present = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(present.map(([key, part]) => [key, withoutUndefined(part)]));
}

function addressOf(aggregate: Pick<Aggregate, 'name'>, id: string): string {
  return `${aggregate.name} ${id.toLowerCase()}`;
}

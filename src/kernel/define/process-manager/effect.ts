import type { Command, Load } from '../command.ts';
import { mismatch } from '../definition-error.ts';
import type { DataOf, EventTypes, RecordedEvent } from '../event.ts';
import type { Port } from './port.ts';
import type { IssueStep } from './process.ts';

/** The tools of an external call. */
export interface CallTools<Promised> {
  readonly port: Promised;
  /**
   * A UUID that is the same each time the call for this event is made: the other side recognises a repeated call by it.
   */
  readonly key: string;
  /**
   * Loads an aggregate's current state, to find out if the call is still wanted, and to get other data that it needs.
   */
  readonly load: Load;
  /** Aborted if the engine stops: the next owner then makes the call again. */
  readonly signal: AbortSignal;
}

/** The outcome is not known yet: the call is made again later. */
export class CallAgain {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Returned by a call that did not get a certain answer. @param reason for the log. */
export function callAgain(reason: string): CallAgain {
  return new CallAgain(reason);
}

/**
 * The result of a call: the command that its answer becomes, nothing if the answer does not matter, or a request to
 * make it again.
 */
export type Called<Issued extends string = string> = IssueStep<Issued> | CallAgain | undefined;

/** External calls in reaction to events; see {@link defineEffect}. */
export interface Effect<Promised = unknown> {
  readonly name: string;
  readonly description: string | undefined;
  readonly port: Port<Promised>;
  readonly on: ReadonlyMap<string, (event: RecordedEvent, tools: CallTools<Promised>) => Promise<Called>>;
  readonly issues: ReadonlyMap<string, Command>;
}

/**
 * Defines external calls in reaction to events. It is the one place in a domain that is not pure.
 *
 * Each event's call is made at least once, and again with the same key after a crash or an error. So the other side
 * must recognise a repeated call by its key. The answer becomes a command that takes effect exactly once: if the calls
 * for one event get different answers, the first one that is stored counts. Calls for one stream are made one after the
 * other in the order of its events. Calls for different streams are made concurrently, up to a limit.
 *
 * @param options.port what is called. An engine without an adapter for it leaves the effect to other instances.
 * @param options.reactsTo the events that cause calls, for their types.
 * @param options.on the call for each event.
 * @param options.issues the commands that answers become, by their names. They need not be in the API.
 */
export function defineEffect<Promised, Events extends EventTypes, Commands extends Readonly<Record<string, Command>>>(
  name: string,
  options: {
    readonly port: Port<Promised>;
    readonly reactsTo: Events;
    readonly on: {
      readonly [K in keyof Events & string]: (
        event: RecordedEvent<K, DataOf<Events[K]>>,
        tools: CallTools<Promised>,
      ) => Promise<Called<keyof Commands & string>>;
    };
    readonly issues: Commands;
    readonly description?: string;
  },
): Effect {
  const { port, on, issues, description } = options;
  for (const [key, command] of Object.entries(issues)) {
    if (key !== command.name) throw mismatch(`Effect ${name}`, 'command', command.name, key);
  }
  return {
    name,
    description,
    port,
    on: new Map(Object.entries(on)) as unknown as Effect['on'],
    issues: new Map(Object.entries(issues)),
  };
}

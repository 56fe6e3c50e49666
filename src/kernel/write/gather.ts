import type { Actor } from '../define/access/actor.ts';
import type { Command, GatherTools, Load } from '../define/command.ts';
import type { HeldStream } from '../log/append/append.ts';
import type { StreamState } from './state/stream-state.ts';
import type { StreamStates } from './state/stream-states.ts';

/** The result of a command's `gather`. */
export interface Gathered {
  /** The facts may be a rejection. */
  readonly facts: unknown;
  /** True if the facts are based on a state of the command's own stream that is no longer current. */
  readonly outdated: boolean;
  /** Streams that must be unchanged for the facts to hold. */
  readonly held: readonly HeldStream[];
}

/**
 * Runs a command's `gather`.
 * @param known the command's own stream.
 */
export async function gather(
  command: Command,
  input: unknown,
  actor: Actor | null,
  known: StreamState,
  states: StreamStates,
): Promise<Gathered> {
  if (!command.gather) return { facts: undefined, outdated: false, held: [] };
  let seen: number | undefined;
  const held: HeldStream[] = [];
  const find = async (...[aggregate, id]: Parameters<Load>) => {
    const streamId = id.toLowerCase();
    const { version, state } = (await states.refresh(aggregate, streamId)).committed;
    return { held: { streamType: aggregate.name, streamId, version }, state: version === 0 ? undefined : state };
  };
  const tools: GatherTools<unknown> = {
    load: (async (...stream) => (await find(...stream)).state) as Load,
    hold: (async (...stream) => {
      const found = await find(...stream);
      held.push(found.held);
      return found.state;
    }) as Load,
    get state() {
      seen ??= known.version;
      return known.state;
    },
    stateAt: (version) => {
      // A past version never changes; a future one may still be appended.
      if (version > known.version) seen ??= known.version;
      return states.at(known, version);
    },
    actor,
  };
  const facts = await command.gather(input, tools);
  return { facts, outdated: seen !== undefined && seen !== known.version, held };
}

import type { Aggregate } from './aggregate.ts';
import type { Command } from './command.ts';
import { DefinitionError, refuseMistakes } from './definition-error.ts';
import type { EventTypes } from './event.ts';
import { formerEvent } from './former-event.ts';
import type { Effect } from './process-manager/effect.ts';
import type { Process } from './process-manager/process.ts';
import { deadlines } from './process-manager/process-deadlines.ts';
import type { Projection } from './read-model/projection.ts';
import { mistakesIn } from './registration/check-domains.ts';
import type { Registry } from './registration/registry.ts';
import { EventsEncrypted } from './subjects/events-encrypted.ts';
import { SubjectErased } from './subjects/subject-erased.ts';

/**
 * The export of a domain's folder, which the application mounts. `Api` adds the domain's types, queries and
 * subscriptions to the API; the kernel passes it on unread.
 */
export interface Domain<Api = unknown> {
  readonly name: string;
  readonly aggregates: readonly Aggregate[];
  readonly commands: readonly Command[];
  readonly projections: readonly Projection[];
  /** Process managers, if any. */
  readonly processes?: readonly Process[];
  /** Effects, if any. */
  readonly effects?: readonly Effect[];
  /**
   * Names of events that former releases stored and that this domain does not define any more. Without it an event of an unknown type
   * counts as one of newer code: a read model over all events waits in front of it, because it needs its summary. A former event has none.
   */
  readonly formerEvents?: readonly string[];
  readonly graphql: Api;
}

/** Defines a domain: its aggregates, commands and projections under one name. */
export function defineDomain<Api>(domain: Domain<Api>): Domain<Api> {
  return domain;
}

/**
 * Collects domains.
 * @throws {DefinitionError} if two of them use one name for different things, or if something leads to a part that none of them
 *   lists; see `check-domains.ts`.
 */
export function registerDomains(domains: readonly Domain[]): Registry {
  const aggregates = new Map<string, Aggregate>();
  const events = new Map<string, EventTypes[string]>();
  const commands = new Map<string, Command>();
  const projections = new Map<string, Projection>();
  const processes = new Map<string, Process>();
  const effects = new Map<string, Effect>();
  const add = <T>(kind: string, map: Map<string, T>, name: string, value: T) => {
    const present = map.get(name);
    if (present !== undefined && present !== value) {
      const sentence = `Two definitions have the name of the ${kind} ${name}. Names are unique across domains: rename one of them.`;
      throw new DefinitionError('NAME_TAKEN', { kind, name }, sentence);
    }
    map.set(name, value);
  };
  const addAggregate = (aggregate: Aggregate) => {
    add('aggregate', aggregates, aggregate.name, aggregate);
    for (const [name, event] of Object.entries(aggregate.events)) add('event', events, name, event);
  };
  for (const domain of domains) {
    for (const aggregate of domain.aggregates) addAggregate(aggregate);
    for (const process of domain.processes ?? []) {
      add('process', processes, process.name, process);
      addAggregate(process.aggregate as Aggregate);
    }
    for (const name of domain.formerEvents ?? []) add('event', events, name, formerEvent(name));
    for (const effect of domain.effects ?? []) add('effect', effects, effect.name, effect);
    for (const command of domain.commands) add('command', commands, command.name, command);
    for (const projection of domain.projections) add('projection', projections, projection.name, projection);
  }
  // The engine's own event: any log may contain it.
  for (const event of [SubjectErased, EventsEncrypted]) add('event', events, event.eventName, event);
  // The engine's own parts for processes.
  if (processes.size > 0) add('projection', projections, deadlines.name, deadlines as unknown as Projection);
  const registry = { aggregates, events: Object.fromEntries(events), commands, projections, processes, effects };
  refuseMistakes(mistakesIn(registry));
  return registry;
}

import { SYSTEM } from '../access/actor.ts';
import type { Aggregate } from '../aggregate.ts';
import type { Command } from '../command.ts';
import { DefinitionError } from '../definition-error.ts';
import type { Registry } from './registry.ts';
import { namesTakenTwice } from './stored-names.ts';

/** A command, and its issuer if that is not a caller of the API. */
interface IssuedCommand {
  readonly command: Command;
  /** The process or effect, such as `Process Reminder`. */
  readonly issuer: string;
}

/**
 * Mistakes that only the domains together show: parts that refer to something that no domain lists, and parts that
 * exclude each other.
 */
export function mistakesIn(registry: Registry): DefinitionError[] {
  return [
    ...unlistedAggregates(registry),
    ...unlistedEvents(registry),
    ...refusedIssuers(registry),
    ...namesTakenTwice(registry),
  ];
}

function issuedCommands({ processes, effects }: Registry): IssuedCommand[] {
  const of = (
    kind: string,
    issuers: Iterable<{ readonly name: string; readonly issues: ReadonlyMap<string, Command> }>,
  ) =>
    [...issuers].flatMap(({ name, issues }) =>
      [...issues.values()].map((command) => ({ command, issuer: `${kind} ${name}` })),
    );
  return [...of('Process', processes.values()), ...of('Effect', effects.values())];
}

/** Events of an aggregate that no domain lists would be stored, and nothing could read them. */
function unlistedAggregates(registry: Registry): DefinitionError[] {
  const users = [
    ...[...registry.commands.values()].map((command) => ({ command, user: `Command ${command.name}` })),
    ...issuedCommands(registry).map(({ command, issuer }) => ({
      command,
      user: `${issuer} issues ${command.name}, which`,
    })),
  ];
  const mistakes = users.flatMap(({ command: { aggregate }, user }) => {
    const listed = registry.aggregates.get(aggregate.name);
    return listed === aggregate ? [] : [unlistedAggregate(user, aggregate, listed !== undefined)];
  });
  const siblings = [...registry.aggregates.values()].flatMap(({ name, sharesIdsWith }) =>
    sharesIdsWith.flatMap((other) => {
      if (registry.aggregates.has(other)) return [];
      const facts = { aggregate: name, sharesIdsWith: other };
      const sentence = `Aggregate ${name} shares ids with ${other}, which is no aggregate of any domain. Correct the name in sharesIdsWith, or add ${other} to the aggregates of its domain.`;
      return [new DefinitionError('NOT_MOUNTED', facts, sentence)];
    }),
  );
  return [...mistakes, ...siblings];
}

function unlistedAggregate(user: string, { name }: Pick<Aggregate, 'name'>, hasNamesake: boolean): DefinitionError {
  const why = hasNamesake
    ? `which is not the aggregate of this name that a domain lists. Import the same definition in both places`
    : 'which no domain lists: its events would be stored, and nothing could read them. Add it to the aggregates of its domain';
  return new DefinitionError('NOT_MOUNTED', { aggregate: name }, `${user} belongs to aggregate ${name}, ${why}.`);
}

/** A handler of an event that no listed aggregate has is never called. */
function unlistedEvents({ events, projections, processes, effects }: Registry): DefinitionError[] {
  const handlers = [
    ...[...projections.values()].map(({ name, handlers }) => [`Projection ${name}`, handlers.keys()] as const),
    ...[...processes.values()].map(({ name, on }) => [`Process ${name}`, on.keys()] as const),
    ...[...effects.values()].map(({ name, on }) => [`Effect ${name}`, on.keys()] as const),
  ];
  return handlers.flatMap(([handler, types]) =>
    [...types]
      .filter((type) => !Object.hasOwn(events, type))
      .map(
        (type) =>
          new DefinitionError(
            'NOT_MOUNTED',
            { event: type, handler },
            `${handler} handles ${type}, which is an event of no aggregate that a domain lists: the handler would never be called. ` +
              "Add the event to its aggregate's events, and the aggregate to the aggregates of its domain.",
          ),
      ),
  );
}

/** Processes and effects act as the system: a command that does not allow it would be refused each time. */
function refusedIssuers(registry: Registry): DefinitionError[] {
  return issuedCommands(registry)
    .filter(({ command }) => !mayBeIssuedBySystem(command))
    .map(
      ({ command, issuer }) =>
        new DefinitionError(
          'SYSTEM_NOT_ALLOWED',
          { command: command.name, issuer },
          `${issuer} issues ${command.name}, which does not allow the role system, so that it would be refused each time. ` +
            `Add it to the rule of the command: allow: ${withSystem(command.allow)}.`,
        ),
    );
}

function mayBeIssuedBySystem({ allow }: Command): boolean {
  if (allow === 'everyone') return true;
  const roles: readonly string[] = Array.isArray(allow) ? allow : Object.keys(allow);
  return SYSTEM.roles.some((role) => roles.includes(role));
}

function withSystem(allow: Command['allow']): string {
  return Array.isArray(allow)
    ? `[${[...allow, 'system'].map((role) => `'${role}'`).join(', ')}]`
    : '{ …, system: true }';
}

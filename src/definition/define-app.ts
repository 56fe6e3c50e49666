import type { CommandFactory } from '../cli/cli.ts';
import type { DomainGraphql } from '../graphql/api.ts';
import { type Domain, registerDomains } from '../kernel/define/domain.ts';
import type { ProvidedAdapters } from '../kernel/define/port.ts';
import { type Roles, SYSTEM_ROLE } from '../kernel/define/roles.ts';
import { whyNotSettings } from '../settings/config.ts';
import type { Settings } from '../settings/setting.ts';
import type { AdapterContext, App } from './app.ts';
import { undeclaredRole } from './undeclared-role.ts';

/** What an author says of an application; see {@link defineApp}. */
export interface AppDefinition<Declared extends Roles, Own extends Settings> {
  /** What it is called: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Who callers can be, made with `defineRoles`. Tokens list them in the claim that AUTH_ROLES_CLAIM names. */
  readonly roles: Declared;
  /** Roles that everybody has while authentication is off; all of them unless given. In production it is never off. */
  readonly developerRoles?: readonly (keyof Declared & string)[];
  /** What the application is about. A domain whose types another one leads to comes before it. */
  readonly domains: readonly Domain<DomainGraphql>[];
  /** Settings of its own, made with `defineSetting`: validated and documented as the product's are. */
  readonly settings?: Own;
  /**
   * Provides the adapters of the ports that effects call. Called once by each server and worker when it starts; what it
   * returns is released when that stops. An effect whose port has no adapter is left to other instances.
   */
  readonly adapters?: (context: AdapterContext<Own>) => Promise<ProvidedAdapters>;
  /** Folder of its own migrations, made by drizzle-kit. They are applied after the engine's. */
  readonly migrations?: URL;
  readonly graphiql?: {
    /** Folder of the `.graphql` files that GraphiQL opens with, each with one operation. */
    readonly documents?: URL;
  };
  /** Commands of its own for the command line. */
  readonly commands?: readonly CommandFactory[];
}

/** An application with its commands, for `run`. */
export interface AppWithCommands extends App {
  readonly commands: readonly CommandFactory[];
}

const NO_ADAPTERS = async (): Promise<ProvidedAdapters> => ({ adapters: [], release: async () => {} });

/**
 * Defines an application: the default export of `afterwrite.config.ts`.
 * @throws {Error} with a sentence that says what to write instead: if a name is taken or not allowed, or if a rule names a
 *   role that is not declared.
 */
export function defineApp<const Declared extends Roles, const Own extends Settings = Readonly<Record<never, never>>>(
  definition: AppDefinition<Declared, Own>,
): AppWithCommands {
  const { name, roles, domains, settings = {}, graphiql, commands = [] } = definition;
  const adapters = definition.adapters as App['adapters'] | undefined;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new Error(`The application is called ${JSON.stringify(name)}; use lower-case letters, digits and hyphens.`);
  }
  const problem = whyNotSettings(settings) ?? undeclaredRole([...Object.keys(roles), SYSTEM_ROLE], domains);
  if (problem !== undefined) throw new Error(problem);
  registerDomains(domains);
  return {
    name,
    roles,
    developerRoles: definition.developerRoles ?? Object.keys(roles),
    domains,
    settings,
    adapters: adapters ?? NO_ADAPTERS,
    migrations: definition.migrations,
    graphiql: { documents: graphiql?.documents },
    commands,
  };
}

import { apiSettings } from './settings/api.ts';
import { authenticationSettings } from './settings/authentication.ts';
import { connectionSettings } from './settings/connections.ts';
import { databaseSettings } from './settings/database.ts';
import { engineSettings } from './settings/engine.ts';
import { liveSettings } from './settings/live.ts';
import { serverSettings } from './settings/server.ts';
import type { Setting, SettingInfo } from './settings/setting.ts';
import { timeSettings } from './settings/time.ts';
import { paymentsSettings } from './shop/settings.ts';
import { withoutCredentials } from './text/credentials.ts';

export type { SettingInfo } from './settings/setting.ts';

/** One or more settings are missing or wrong. The message has one line for each; secrets are never repeated in it. */
export class ConfigError extends Error {
  readonly code = 'BAD_CONFIG';
  /** The bad settings, one sentence each, beginning with the setting's name. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // A single problem reads best on the same line; several get one line each.
    const [only, ...more] = problems;
    const list = more.length === 0 ? ` ${only}` : `\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
    super(`The configuration cannot be used:${list}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Why a server without authentication does not start in production. */
export const AUTH_REQUIRED = 'AUTH_JWT_SECRET or AUTH_JWKS_URL must be set where NODE_ENV is production.';

const definitions = {
  ...serverSettings,
  ...databaseSettings,
  ...paymentsSettings,
  ...authenticationSettings,
  ...apiSettings,
  ...liveSettings,
  ...connectionSettings,
  ...timeSettings,
  ...engineSettings,
};

type Definitions = typeof definitions;

/** Every setting of the application, validated; read it once with {@link readConfig} and hand it on. */
export type Config = { readonly [K in keyof Definitions]: Definitions[K] extends Setting<infer T> ? T : never };

/** All settings in the order in which the documentation shows them. */
export const settings: readonly SettingInfo[] = Object.values(definitions).map(({ schema: _, ...info }) => info);

/**
 * Reads the settings from environment variables; an empty or blank variable counts as unset.
 * @throws {ConfigError} listing every bad setting at once.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const production = env.NODE_ENV?.trim() === 'production';
  const problems: string[] = [];
  const values = Object.entries(definitions).map(([key, { name, schema, secret, ...defaults }]) => {
    const given = env[name]?.trim() ? env[name] : undefined;
    const input = given ?? (production ? (defaults.productionDefault ?? defaults.default) : defaults.default);
    if (input === undefined) return [key, undefined];
    const result = schema.safeParse(input);
    if (result.success) return [key, result.data];
    const shown = secret ? '' : `, but is ${JSON.stringify(withoutCredentials(input))}`;
    problems.push(`${name} ${result.error.issues[0]?.message}${shown}.`);
    return [key, undefined];
  });
  const isSet = (name: string) => Boolean(env[name]?.trim());
  problems.push(...authProblems(isSet, production));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(values)) as Config;
}

function authProblems(isSet: (name: string) => boolean, production: boolean): string[] {
  const [secret, jwks] = [isSet('AUTH_JWT_SECRET'), isSet('AUTH_JWKS_URL')];
  if (secret && jwks)
    return ['AUTH_JWT_SECRET and AUTH_JWKS_URL exclude each other: set the one that signs your tokens.'];
  if (secret || jwks) return [];
  if (production) return [AUTH_REQUIRED];
  // Whoever sets these expects tokens to be checked; starting without authentication would be a trap.
  return ['AUTH_ISSUER', 'AUTH_AUDIENCE']
    .filter(isSet)
    .map((name) => `${name} checks nothing unless AUTH_JWT_SECRET or AUTH_JWKS_URL is set too.`);
}

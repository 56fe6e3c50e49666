import { withoutCredentials } from '../text/credentials.ts';
import { apiSettings } from './api.ts';
import { auditSettings } from './audit.ts';
import { authenticationSettings } from './authentication.ts';
import { connectionSettings } from './connections.ts';
import { databaseSettings } from './database.ts';
import { engineSettings } from './engine.ts';
import { liveSettings } from './live.ts';
import { serverSettings } from './server.ts';
import type { Setting, SettingInfo, Settings, ValuesOf } from './setting.ts';
import { tenantSettings } from './tenants.ts';
import { timeSettings } from './time.ts';

export type { SettingInfo } from './setting.ts';

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
  ...tenantSettings,
  ...authenticationSettings,
  ...apiSettings,
  ...liveSettings,
  ...connectionSettings,
  ...timeSettings,
  ...engineSettings,
  ...auditSettings,
};

/** The values of the product's settings; read them once with {@link readConfig} and pass them on. */
export type Config = ValuesOf<typeof definitions>;

/** All settings in the order of the documentation and of `config`. @param own settings of the application. */
export function settingsWith(own: Settings): readonly SettingInfo[] {
  return Object.values<Setting<unknown>>({ ...definitions, ...own }).map(({ schema: _, ...info }) => info);
}

/** Why the names of an application's settings collide with the product's, as a sentence; undefined if they do not. */
export function whyNotSettings(own: Settings): string | undefined {
  const names = new Map(Object.entries(definitions).map(([key, { name }]) => [name, key]));
  for (const [key, { name }] of Object.entries(own)) {
    if (key in definitions || names.has(name))
      return `The setting ${name} (${key}) is Afterwrite's; choose another name.`;
    if (!/^[A-Z][A-Z0-9_]*$/.test(name))
      return `The setting ${key} is called ${name}; write it like PORT or MAX_WAITERS.`;
    names.set(name, key);
  }
  return undefined;
}

/**
 * Reads the settings from environment variables; an empty or blank variable counts as unset.
 * @param own settings of the application, which are read too.
 * @throws {ConfigError} listing every bad setting at once.
 */
export function readConfig<Own extends Settings = Readonly<Record<never, never>>>(
  env: NodeJS.ProcessEnv,
  own?: Own,
): Config & ValuesOf<Own> {
  const production = env.NODE_ENV?.trim() === 'production';
  const problems: string[] = [];
  const values = Object.entries<Setting<unknown>>({ ...definitions, ...own }).map(
    ([key, { name, schema, secret, ...defaults }]) => {
      const given = env[name]?.trim() ? env[name] : undefined;
      const input = given ?? (production ? (defaults.productionDefault ?? defaults.default) : defaults.default);
      if (input === undefined) return [key, undefined];
      const result = schema.safeParse(input);
      if (result.success) return [key, result.data];
      const shown = secret ? '' : `, but is ${JSON.stringify(withoutCredentials(input))}`;
      problems.push(`${name} ${result.error.issues[0]?.message}${shown}.`);
      return [key, undefined];
    },
  );
  const isSet = (name: string) => Boolean(env[name]?.trim());
  problems.push(...authProblems(isSet, production));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(values)) as Config & ValuesOf<Own>;
}

function authProblems(isSet: (name: string) => boolean, production: boolean): string[] {
  const [secret, jwks] = [isSet('AUTH_JWT_SECRET'), isSet('AUTH_JWKS_URL')];
  if (secret && jwks)
    return ['AUTH_JWT_SECRET and AUTH_JWKS_URL exclude each other: set the one that signs your tokens.'];
  if (secret || jwks) return [];
  if (production) return [AUTH_REQUIRED];
  // An operator who sets these expects tokens to be checked; starting without authentication would be a trap.
  return ['AUTH_ISSUER', 'AUTH_AUDIENCE']
    .filter(isSet)
    .map((name) => `${name} checks nothing unless AUTH_JWT_SECRET or AUTH_JWKS_URL is set too.`);
}

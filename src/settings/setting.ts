import type { z } from 'zod';
import { wholeNumber } from './values.ts';

/** Facts about a setting for the documentation and `cli config`. */
export interface SettingInfo {
  /** The environment variable. */
  readonly name: string;
  /** As written in the environment; undefined if the setting is off by default. */
  readonly default: string | undefined;
  /** The default in production, if it differs from `default`. */
  readonly productionDefault: string | undefined;
  /** Meaning and unit, in one sentence. */
  readonly description: string;
  /** True if the value must not be shown or logged. */
  readonly secret: boolean;
}

export interface Setting<T> extends SettingInfo {
  readonly schema: z.ZodType<T, string>;
}

/** Settings by their names in the code. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values of settings, validated. */
export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

interface Details {
  readonly default?: string;
  readonly productionDefault?: string;
  readonly secret?: boolean;
}

/**
 * Defines a setting: an environment variable that is validated when the process starts, and documented with the others.
 *
 * @param description meaning and unit, in one sentence.
 * @param schema from the variable's text to a value. Its message continues a sentence that begins with the name: `must
 * be …`.
 * @param details.default as written in the environment; without one the setting is off by default.
 * @param details.productionDefault the default in production, if it differs.
 * @param details.secret true if the value must not be shown or logged.
 */
export function setting<T>(
  name: string,
  description: string,
  schema: z.ZodType<T, string>,
  details: Details & { default: string },
): Setting<T>;
export function setting<T>(
  name: string,
  description: string,
  schema: z.ZodType<T, string>,
  details?: Details,
): Setting<T | undefined>;
export function setting<T>(name: string, description: string, schema: z.ZodType<T, string>, details: Details = {}) {
  const { default: byDefault, productionDefault, secret = false } = details;
  return { name, description, schema, default: byDefault, productionDefault, secret };
}

export const count = (name: string, byDefault: number, description: string, min = 1, max = 1_000_000_000) =>
  setting(name, description, wholeNumber(min, max), { default: String(byDefault) });

/** A whole number; off by default. */
export const optionalCount = (name: string, description: string, min = 1, max = 1_000_000_000) =>
  setting(name, description, wholeNumber(min, max));

export const onlyInDevelopment = { default: 'on', productionDefault: 'off' };

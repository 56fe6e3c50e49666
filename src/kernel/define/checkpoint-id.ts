/**
 * The kind of a consumer of the log. A `rebuild` and a comparison (`verify`) fill tables of their own, next to those of
 * the projection with the same name.
 */
export type CheckpointKind = 'projection' | 'rebuild' | 'verify' | 'process' | 'effect';

/** Identifies a checkpoint. */
export interface CheckpointId {
  readonly kind: CheckpointKind;
  /** Name of the projection, the kind of process or the effect. */
  readonly name: string;
  /** The projection's version; each version has its own checkpoint. Always 1 for processes and effects. */
  readonly version: number;
  /**
   * Identifies the checkpoint in the database, in logs and for operators: `orders@3`, `orders@3#rebuild`,
   * `process:Shipping`. It is unique. No code reads the kind, name or version out of it.
   */
  readonly key: string;
}

/** The only place that creates keys. */
const KEYS: Readonly<Record<CheckpointKind, (name: string, version: number) => string>> = {
  projection: (name, version) => `${name}@${version}`,
  rebuild: (name, version) => `${name}@${version}#rebuild`,
  verify: (name, version) => `${name}@${version}#verify`,
  process: (name) => `process:${name}`,
  effect: (name) => `effect:${name}`,
};

/** @param version 1 for processes and effects, which have no versions. */
export function checkpointId(kind: CheckpointKind, name: string, version = 1): CheckpointId {
  return { kind, name, version, key: KEYS[kind](name, version) };
}

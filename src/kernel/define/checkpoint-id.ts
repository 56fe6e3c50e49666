/**
 * What a consumer of the log is. A `rebuild` and a comparison (`verify`) fill tables of their own beside those of the
 * projection of the same name.
 */
export type CheckpointKind = 'projection' | 'rebuild' | 'verify' | 'process' | 'effect';

/** Which checkpoint it is. */
export interface CheckpointId {
  readonly kind: CheckpointKind;
  /** Of the projection, the kind of processes or the effect. */
  readonly name: string;
  /** Of the projection: each version has a checkpoint of its own. Always 1 for processes and effects. */
  readonly version: number;
  /**
   * Identifies the checkpoint in the database, in logs and for operators: `orders@3`, `orders@3#rebuild`, `process:Shipping`.
   * No two checkpoints have the same. Nobody reads kind, name or version out of it.
   */
  readonly key: string;
}

/** The only place that makes keys. */
const KEYS: Readonly<Record<CheckpointKind, (name: string, version: number) => string>> = {
  projection: (name, version) => `${name}@${version}`,
  rebuild: (name, version) => `${name}@${version}#rebuild`,
  verify: (name, version) => `${name}@${version}#verify`,
  process: (name) => `process:${name}`,
  effect: (name) => `effect:${name}`,
};

/** @param version 1 for processes and effects, which have none. */
export function checkpointId(kind: CheckpointKind, name: string, version = 1): CheckpointId {
  return { kind, name, version, key: KEYS[kind](name, version) };
}

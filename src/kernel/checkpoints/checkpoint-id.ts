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
  /**
   * Identifies the checkpoint in the database, in logs and for operators: `orders`, `orders#rebuild`, `process:Shipping`. No
   * two checkpoints have the same. Nobody reads kind or name out of it.
   */
  readonly key: string;
}

/** The only place that makes keys. */
const KEYS: Readonly<Record<CheckpointKind, (name: string) => string>> = {
  projection: (name) => name,
  rebuild: (name) => `${name}#rebuild`,
  verify: (name) => `${name}#verify`,
  process: (name) => `process:${name}`,
  effect: (name) => `effect:${name}`,
};

/** A consumer of the log as leases know it: an instance that has another version of it cannot move its checkpoint. */
export interface Consumer extends CheckpointId {
  readonly version: number;
}

/** @returns the consumer that a projection is. */
export function consumerOf({ name, version }: { readonly name: string; readonly version: number }): Consumer {
  return { ...checkpointId('projection', name), version };
}

export function checkpointId(kind: CheckpointKind, name: string): CheckpointId {
  return { kind, name, key: KEYS[kind](name) };
}

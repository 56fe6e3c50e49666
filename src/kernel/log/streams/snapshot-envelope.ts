import { hash } from 'node:crypto';

/** Identifies what a snapshot was taken of. */
export interface SnapshotOf {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
  readonly stateVersion: number;
}

/** A snapshot as it is stored. The state is text, so that its hash stays valid whatever Postgres does with JSON. */
interface Sealed {
  readonly hash: string;
  readonly state: string;
}

/** Puts a state into the form in which it is stored. */
export function sealSnapshot(of: SnapshotOf, state: unknown): Sealed {
  const text = JSON.stringify(state) ?? 'null';
  return { hash: hashOf(of, text), state: text };
}

/**
 * The state of a stored snapshot; undefined if it was changed since, or was stored by an earlier version, which had no
 * hash.
 */
export function openSnapshot(of: SnapshotOf, stored: unknown): { readonly state: unknown } | undefined {
  const { hash: expected, state } = (stored ?? {}) as Partial<Sealed>;
  if (typeof state !== 'string' || typeof expected !== 'string') return undefined;
  return hashOf(of, state) === expected ? { state: JSON.parse(state) } : undefined;
}

function hashOf({ streamType, streamId, version, stateVersion }: SnapshotOf, state: string): string {
  return hash('sha256', `${streamType}/${streamId}/${version}/${stateVersion}\n${state}`, 'base64');
}

/** Bounds of what processes and effects do at one time; see docs/security.md. */
export interface ProcessLimits {
  /** Steps of one kind of processes that are done at one time, and of those, steps of one initiator. */
  readonly atOnce: number;
  readonly perInitiator: number;
  /** Calls of one effect that are made at one time, and of those, calls of one initiator. */
  readonly effectsAtOnce: number;
  readonly effectsPerInitiator: number;
  /** How long a call may take before it is given up and made again later, in ms. */
  readonly effectTimeoutMs: number;
  /** Events that a kind reads ahead of the oldest one that is not done. */
  readonly readAhead: number;
  /** Bytes of those events that are kept in memory. */
  readonly readAheadBytes: number;
  /** Items of a kind that may be parked. */
  readonly parked: number;
}

const DEFAULTS: ProcessLimits = {
  atOnce: 256,
  perInitiator: 64,
  effectsAtOnce: 128,
  effectsPerInitiator: 8,
  effectTimeoutMs: 30_000,
  readAhead: 50_000,
  readAheadBytes: 16 * 1024 * 1024,
  parked: 100_000,
};

export function processLimits(limits: Partial<ProcessLimits> | undefined): ProcessLimits {
  return { ...DEFAULTS, ...limits };
}

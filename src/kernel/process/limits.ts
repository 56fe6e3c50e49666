/** Limits of what processes and effects do at the same time; see docs/security.md. */
export interface ProcessLimits {
  /** Maximum number of concurrent steps of one kind of process, and of one initiator among these. */
  readonly atOnce: number;
  readonly perInitiator: number;
  /** Maximum number of concurrent calls of one effect, and of one initiator among these. */
  readonly effectsAtOnce: number;
  readonly effectsPerInitiator: number;
  /** Time limit of a call, in ms. After that it is repeated later. */
  readonly effectTimeoutMs: number;
  /** Maximum number of events that a kind reads ahead of its oldest unfinished one. */
  readonly readAhead: number;
  /** Maximum size of those events in memory, in bytes. */
  readonly readAheadBytes: number;
  /** Maximum number of parked items of a kind. */
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

import type { Fault } from './fault.ts';
import { CLOCK_FAULTS } from './kinds/clocks.ts';
import { CONNECTION_FAULTS } from './kinds/connections.ts';
import { POSTGRES_FAULTS } from './kinds/postgres.ts';
import { PROCESS_FAULTS } from './kinds/processes.ts';

/** Every kind of harm. */
export const FAULTS = {
  ...PROCESS_FAULTS,
  ...CONNECTION_FAULTS,
  ...POSTGRES_FAULTS,
  ...CLOCK_FAULTS,
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

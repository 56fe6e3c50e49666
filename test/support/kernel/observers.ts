import type { EngineObserver, FaultMet, UpdateDelayed } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';

/** Puts the errors of all faults into a list. */
export function faultsInto(errors: unknown[]): EngineObserver {
  return eachFault(({ error }) => errors.push(error));
}

export function eachFault(faultMet: (fault: FaultMet) => void): EngineObserver {
  return new Observer([{ faultMet }]);
}

/** Puts the errors of all delayed updates into a list. */
export function delaysInto(errors: unknown[]): EngineObserver {
  return new Observer([{ updateDelayed: ({ error }: UpdateDelayed) => errors.push(error) }]);
}

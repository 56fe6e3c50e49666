import type { ProjectionStatus } from '../../kernel/read/status/projection-status.ts';

/**
 * Why a read model keeps its server from being ready; undefined if it does not. One that lags later does not: no other
 * instance would be better off.
 */
export function whyNotServed({
  name,
  version,
  isIncomplete,
  isServed,
  lag,
  state,
  failure,
}: Pick<ProjectionStatus, 'name' | 'version' | 'isIncomplete' | 'isServed' | 'lag' | 'state' | 'failure'>):
  | string
  | undefined {
  const what = `Read model ${name} (version ${version})`;
  // Only this failure is told, because anybody may ask: it names an event, and nothing of its data.
  const ahead = state === 'AHEAD_OF_CODE' && failure !== null ? ` It is in state ${state}: ${failure}` : '';
  if (isIncomplete) return `${what} is being filled: ${lag} events are left.${ahead}`;
  if (isServed) return undefined;
  const by = state === 'STOPPED' ? ', and no server or worker runs it' : '';
  return `${what} catches up with the log as it was at the start: ${lag} events are left${by}.${ahead}`;
}

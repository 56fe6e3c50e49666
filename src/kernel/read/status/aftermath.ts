import { later } from '../../../scheduling/timers.ts';
import type { Positions } from '../../consistency/positions.ts';
import type { Hub } from '../../notify/hub.ts';
import type { Aftermath } from '../../write/admission/command-window.ts';
import type { WriteCosts } from '../run/write-costs.ts';
import type { ProjectionStatus } from './projection-status.ts';

/** The read models of a process, as its projector knows them. */
export interface RunningReadModels {
  readonly positions: Pick<Positions, 'of'>;
  readonly hub: Pick<Hub, 'follow'>;
  readonly costs: Pick<WriteCosts, 'of' | 'issued'>;
  status(): readonly Pick<ProjectionStatus, 'name' | 'state' | 'isServed'>[];
}

/** What follows from commands in the read models of a process. */
export function aftermathIn(readModels: RunningReadModels): Aftermath {
  return {
    applied: (position, timeoutMs) => applied(readModels, position, timeoutMs),
    issued: (commandId, caller) => readModels.costs.issued(commandId, caller),
    usualMs: (caller) => readModels.costs.of(caller),
  };
}

/**
 * Waits for none that is being filled or stands still. The wait takes no place of a read that waits for a token, and does not
 * keep the process alive.
 */
function applied(readModels: RunningReadModels, position: number, timeoutMs: number): Promise<void> {
  const { positions, hub } = readModels;
  const behind = new Set<string>();
  for (const { name, state, isServed } of readModels.status()) {
    if (isServed && state === 'RUNNING' && positions.of(name) < position) behind.add(name);
  }
  if (behind.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      for (const leave of leaves) leave();
      resolve();
    };
    const timer = later(timeoutMs, end, { keepsProcess: false });
    const leaves = [...behind].map((name) =>
      hub.follow(name, (moved) => {
        if (moved.position >= position && behind.delete(name) && behind.size === 0) end();
      }),
    );
  });
}

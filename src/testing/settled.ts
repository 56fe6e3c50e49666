import type { Database } from '../database/client.ts';
import { deadlines } from '../kernel/define/process-manager/process-deadlines.ts';
import type { Engine } from '../kernel/engine.ts';
import { countOverdue } from '../kernel/process/due-deadlines.ts';
import { pause } from '../scheduling/sleeper.ts';

/** Time between two looks at processes, in ms. */
const POLL_MS = 2;
/** Longest time that it may take until nothing happens any more, in ms. */
const PATIENCE_MS = 20_000;

/**
 * Waits until nothing happens any more: read models and processes have handled every event, also those that processes
 * caused meanwhile, and no deadline is due. Steps and calls that are parked, because they keep failing, are not waited for.
 * @throws {Error} that says what is behind, if that takes longer than 20 seconds or a read model is stalled.
 */
export async function settled(engine: Engine, db: Database): Promise<void> {
  const { log, processes, projector } = engine;
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { position: head } = await log.head();
    for (const name of projector.positions.names) {
      await projector.positions.reached(name, head, { timeoutMs: Math.max(1, until - performance.now()) });
    }
    const running = processes.status().filter(({ isOurs }) => isOurs);
    const busy = running.filter(({ position, pending, parked }) => position < head || pending > parked);
    let overdue = 0;
    for (const { kind, name } of running) if (kind === 'PROCESS') overdue += await countOverdue(db, name);
    if (busy.length === 0 && overdue === 0 && (await log.head()).position === head) return;
    // Processes do not notice by themselves that the time of a test was set.
    if (overdue > 0) wakeDeadlines(engine, head);
    if (performance.now() > until) {
      const behind = busy.map(({ name, position }) => `${name} is at ${position} of ${head}`);
      const due = overdue > 0 ? [`${overdue} deadlines are due`] : [];
      throw new Error(`Something still happens after ${PATIENCE_MS} ms: ${[...behind, ...due].join(', ')}.`);
    }
    await pause(POLL_MS);
  }
}

function wakeDeadlines({ projector }: Engine, position: number): void {
  projector.hub.publish({ projection: deadlines.name, position, keys: new Set(), lagMs: 0 });
}

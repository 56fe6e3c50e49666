import type { Engine } from '../kernel/engine.ts';
import type { Cli } from './cli.ts';
import { CliError } from './errors.ts';
import { startProgress } from './output/progress.ts';

/** Time between two updates of the progress, in ms. */
const POLL_MS = 100;

/**
 * Waits until every read model has seen the log as it is now, whether this process or a server projects.
 * @throws {CliError} PROJECTION_STALLED if one of them cannot continue.
 */
export async function catchUp(cli: Cli, engine: Engine): Promise<void> {
  const { projector, log } = engine;
  const { position: target } = await log.head();
  const positions = () => projector.status().map(({ name }) => Math.min(target, projector.positions.of(name)));
  const start = positions().reduce((sum, position) => sum + position, 0);
  const total = positions().length * target - start;
  if (total === 0) return;
  const progress = startProgress(cli.err, { title: 'Read models', unit: 'events', total });
  try {
    for (;;) {
      cli.signal.throwIfAborted();
      progress.update(positions().reduce((sum, position) => sum + position, 0) - start);
      const behind = projector.status().filter(({ position }) => position < target);
      if (behind.length === 0) return;
      const stalled = behind.find(({ state }) => state === 'STALLED' || state === 'AHEAD_OF_CODE');
      if (stalled)
        throw new CliError('PROJECTION_STALLED', `${stalled.name} is at ${stalled.position}: ${stalled.failure}`);
      const wait = { timeoutMs: POLL_MS, signal: cli.signal };
      await Promise.all(behind.map(({ name }) => projector.positions.reached(name, target, wait)));
    }
  } finally {
    progress.stop();
  }
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../support/until.ts';
import { Instance } from './instance.ts';
import { MortalPostgres } from './mortal-postgres.ts';

/** The system that clients use and faults hit: one Postgres, and servers on it. */
export interface World {
  readonly postgres: MortalPostgres;
  readonly instances: readonly Instance[];
  /** Ends all processes; those of the servers within `patienceMs`. Idempotent. */
  end(patienceMs: number): Promise<void>;
}

export interface WorldOptions {
  /** Where data and logs go. */
  readonly folder: string;
  readonly instances: number;
  /** Commands that may wait in a server. */
  readonly queueLimit: number;
  /** Nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** Starting may have to create a cluster while others use the machine. */
const START_DEADLINE_MS = 120_000;

/** Starts all of it and waits until every server serves. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { folder, instances: count, queueLimit, signal } = options;
  await mkdir(join(folder, 'logs'), { recursive: true });
  const postgres = await MortalPostgres.start(join(folder, 'data'));
  const instances: Instance[] = [];
  let ending: Promise<void> | undefined;
  const world: World = {
    postgres,
    instances,
    end: (patienceMs) => {
      ending ??= (async () => {
        await Promise.all(instances.map((instance) => instance.stop(patienceMs)));
        await postgres.stop();
      })();
      return ending;
    },
  };
  try {
    for (let number = 0; number < count; number++) {
      const name = String.fromCharCode(65 + number);
      const env = { APPEND_QUEUE_LIMIT: String(queueLimit), LOG_LEVEL: 'info' };
      const logFile = join(folder, 'logs', `${name}.log`);
      const instance = await Instance.prepare({ name, postgres, logFile, env });
      instances.push(instance);
      instance.start();
    }
    const isReady = () => instances.every((instance) => instance.isReady);
    await until(() => isReady() || signal.aborted, { deadline: START_DEADLINE_MS });
    signal.throwIfAborted();
    return world;
  } catch (error) {
    await world.end(0);
    throw error;
  }
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../../../src/database/session.ts';
import { MortalPostgres } from '../world/mortal-postgres.ts';
import { type DeploysOptions, playDeploys } from './scenario.ts';

/** Shortest time that a state of a deployment lasts, in ms. */
const LEAST_STEADY_MS = 1000;
/** States of a scenario that last as long as they are told to. */
const STATES = 7;

/**
 * `npm run faults -- --scenario deploys`: plays the deployments on a Postgres of their own.
 * @returns what must not have happened.
 */
export async function runDeploys({
  folder,
  seconds,
  ...options
}: Pick<DeploysOptions, 'folder' | 'seed' | 'clients' | 'say'> & {
  readonly seconds: number;
  readonly signal: AbortSignal;
}): Promise<readonly string[]> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  const postgres = await MortalPostgres.start(join(folder, 'data'));
  const databaseUrl = postgres.url.href;
  const sql = connect({ url: databaseUrl, applicationName: 'deploys' }, { max: 2 });
  try {
    const steadyMs = Math.max(LEAST_STEADY_MS, (seconds * 1000) / STATES);
    return await playDeploys({ ...options, databaseUrl, sql, folder: join(folder, 'logs'), steadyMs });
  } finally {
    await sql.end({ timeout: 1 });
    await postgres.stop();
  }
}

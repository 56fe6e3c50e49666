import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import type { BusyBackend } from '../../../database/activity/activity.ts';
import type { CurrentWork } from '../../observe/stall.ts';
import type { ProjectionRunner } from './projection-runner.ts';

/** The batch that a projection is applying; undefined if this instance does not run it. */
export function currentWorkOf(runner: ProjectionRunner | undefined): Omit<CurrentWork, 'what'> | undefined {
  // A permanent failure is reported in the projection's status.
  if (!runner?.inProgress || runner.failure !== null) return undefined;
  const { since, first, trouble } = runner.inProgress;
  const forMs = performance.now() - since;
  if (!first) return { forMs, trouble, event: null };
  const { position, type, streamType, streamId } = first;
  return { forMs, trouble, event: { position, type, streamType, streamId } };
}

/** True for a statement of the projector on this table, or one that all projections share. */
export function worksOn(table: PgTable): (backend: Pick<BusyBackend, 'application' | 'query'>) => boolean {
  const { schema, name } = getTableConfig(table);
  const own = `"${schema}"."${name}"`;
  return ({ application, query }) =>
    application === 'afterwrite projector' && (query.includes(own) || !query.includes(`"${schema}".`));
}

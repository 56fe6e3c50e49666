import { Checkpoints } from '../../../src/kernel/checkpoints/checkpoints.ts';
import { Leases } from '../../../src/kernel/checkpoints/leases/leases.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import type { TestEngine } from './engine.ts';

/** Gives an instance the leases of projections, as if it ran them, so that a test can write their batches itself. */
export async function leaseTo(
  owner: string,
  { database }: TestEngine,
  projections: readonly Projection[],
): Promise<void> {
  const { db } = database.projector;
  const checkpoints = projections.map(({ checkpoint }) => checkpoint);
  await new Checkpoints(db).register(checkpoints);
  await new Leases(db).lease(owner, checkpoints);
}

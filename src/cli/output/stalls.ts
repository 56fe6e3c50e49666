import { type BusyBackend, busyBackends } from '../../database/activity/activity.ts';
import type { Database } from '../../database/client.ts';
import { clockOf, DatabaseClock } from '../../kernel/clock/database-clock.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { explainStall, type Stall, type StalledEvent } from '../../kernel/observe/stall.ts';
import { worksOn } from '../../kernel/read/run/current-batch.ts';

/** The position of a read model. */
export interface Position {
  readonly projection: string;
  /** The first event that it has not applied; null if it has applied all. */
  readonly next: StalledEvent | null;
}

/** Everything that is stalled on this database, in any process; by `append` or the projection's name. */
export async function findStalls(
  db: Database,
  projections: readonly Projection[],
  positions: readonly Position[],
): Promise<ReadonlyMap<string, Stall>> {
  const clock = new DatabaseClock({ ask: clockOf(db) });
  await clock.measure();
  const backends = await busyBackends(db);
  const stalls = new Map<string, Stall>();
  const explain = (what: string, event: StalledEvent | null, isOf: (backend: BusyBackend) => boolean) => {
    const own = backends.filter(isOf);
    const [oldest] = own;
    if (!oldest) return;
    const forMs = clock.now() - oldest.since.getTime();
    const stall = explainStall({ what, forMs, event, trouble: undefined }, own, clock);
    if (stall) stalls.set(what, stall);
  };
  explain('append', null, ({ application }) => application === 'afterwrite writer');
  const next = new Map(positions.map(({ projection, next }) => [projection, next]));
  for (const { name, table } of projections) {
    const event = next.get(name);
    if (event) explain(name, event, worksOn(table));
  }
  return stalls;
}

/** Why something is stalled, as one line, and the last statements of the blockers, one line each. */
export function stallLines({ message, blockers }: Stall): string[] {
  const ran = blockers.filter(({ query }) => query !== null);
  return [message, ...ran.map(({ pid, query }) => `  ${pid ?? '-'} ran: ${query?.replaceAll(/\s+/g, ' ')}`)];
}

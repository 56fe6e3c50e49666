import type { Positions } from '../../consistency/positions.ts';
import type { Hub } from '../../notify/hub.ts';

/** What queries and subscriptions may see: never more than the server that they read from shows. */
export interface ReadSide {
  /** How far each read model is there. */
  readonly positions: Positions;
  /** What has become visible there. */
  readonly hub: Hub;
  /** That server is another one than where projections are written. */
  readonly isReplica: boolean;
}

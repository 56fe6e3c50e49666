import type { Positions } from '../../consistency/positions.ts';
import type { Hub } from '../../notify/hub.ts';

/** The read models as queries and subscriptions see them: never newer than on the server that they read from. */
export interface ReadSide {
  /** The position of each read model there. */
  readonly positions: Positions;
  /** Announces what has become visible there. */
  readonly hub: Hub;
  /** True if projections are written on another server than that. */
  readonly isReplica: boolean;
  /**
   * The read models that have come less far there than on the primary since they were made: their tables have not
   * arrived, or not all rows from before that moment.
   */
  arriving(): readonly string[];
}

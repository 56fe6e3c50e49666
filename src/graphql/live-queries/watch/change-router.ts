import type { Positions } from '../../../kernel/consistency/positions.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { Fingerprints } from '../../../kernel/notify/fingerprints.ts';
import type { Hub } from '../../../kernel/notify/hub.ts';
import type { ReadModels } from '../../read/read-models.ts';
import { RecordedReads } from './recorded-reads.ts';
import { WatchedModel } from './watched-model.ts';

export interface ChangeRouterOptions {
  readonly hub: Hub;
  readonly positions: Pick<Positions, 'retreats' | 'hasParked'>;
  readonly readModels: Pick<ReadModels, 'propertiesOf'>;
  /** Undefined if other processes tell nothing of former rows. */
  readonly fingerprints: Fingerprints | undefined;
  /** All read models, by name. */
  readonly projections: ReadonlyMap<string, Projection>;
}

/** Finds out which live queries a change of a read model concerns, at a cost that depends on these alone. */
export class ChangeRouter {
  readonly #options: ChangeRouterOptions;
  readonly #watched = new Map<string, WatchedModel>();

  constructor(options: ChangeRouterOptions) {
    this.#options = options;
  }

  /**
   * Watches what is recorded from now on, until it is closed.
   * @param touched the read models that a statement of the operation's own may read.
   * @param onConcerned called with each change that concerns something recorded. It must not throw.
   */
  record(touched: readonly string[], onConcerned: () => void): RecordedReads {
    return new RecordedReads(touched, onConcerned, (name) => this.#watchedModel(name));
  }

  #watchedModel(name: string): WatchedModel {
    const known = this.#watched.get(name);
    if (known) return known;
    const { hub, projections, ...options } = this.#options;
    const watched = new WatchedModel(name, {
      ...options,
      projection: projections.get(name),
      onUnused: () => {
        stop();
        this.#watched.delete(name);
      },
    });
    const stop = hub.listen([name], (moved) => watched.moved(moved));
    this.#watched.set(name, watched);
    return watched;
  }
}

import { LRUCache } from 'lru-cache';
import type { Aggregate } from '../../define/aggregate.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { Registry } from '../../define/registration/registry.ts';
import type { EventLog } from '../../log/event-log.ts';
import { stateAfter } from '../../write/state/stream-state.ts';

/** Maximum number of streams whose subjects are remembered. */
const REMEMBERED = 10_000;

/** Whom events are about that do not name their subject: their definition says so, or else their aggregate. */
export class SubjectsOfStreams {
  readonly #log: Pick<EventLog, 'load'>;
  readonly #registry: Pick<Registry, 'events' | 'aggregates'>;
  readonly #known = new LRUCache<string, { readonly subject: string | undefined }>({ max: REMEMBERED });

  constructor(log: Pick<EventLog, 'load'>, registry: Pick<Registry, 'events' | 'aggregates'>) {
    this.#log = log;
    this.#registry = registry;
  }

  /** Undefined if it is about nobody, or cannot be known. */
  async subjectOf({ type, data, streamType, streamId, metadata }: RecordedEvent): Promise<string | undefined> {
    const definition = this.#registry.events[type];
    try {
      if (definition?.hasSubject) return definition.subjectOf(data, { streamId, actor: metadata.actor });
    } catch {
      // Data that cannot be read has another shape.
      return undefined;
    }
    const aggregate = this.#registry.aggregates.get(streamType);
    return aggregate?.hasSubject ? this.#ofStream(aggregate, streamId) : undefined;
  }

  async #ofStream(aggregate: Aggregate, streamId: string): Promise<string | undefined> {
    const key = `${aggregate.name}/${streamId}`;
    const known = this.#known.get(key);
    if (known) return known.subject;
    const { name: streamType, events, snapshot } = aggregate;
    const { stateVersion } = snapshot;
    const [tail] = await this.#log.load([{ streamType, streamId, afterVersion: 0, stateVersion, events }]);
    const found =
      tail && !(tail instanceof Error)
        ? aggregate.subjectOf(
            stateAfter(aggregate, { version: 0, state: aggregate.initialState() }, tail).state,
            streamId,
          )
        : undefined;
    this.#known.set(key, { subject: found });
    return found;
  }
}

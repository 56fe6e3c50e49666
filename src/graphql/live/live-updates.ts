import type { Registry } from '../../kernel/define/registration/registry.ts';
import type { Visibility } from '../read/visibility.ts';
import type { ProjectionUpdate, Subscriber, SubscribersByKey } from './audience.ts';
import { Channel, type ChannelSources } from './channel.ts';

export interface LiveUpdatesOptions extends ChannelSources {
  readonly registry: Pick<Registry, 'projections'>;
}

/** Tells subscriptions which rows of read models have changed. Each read model with listeners has a {@link Channel}. */
export class LiveUpdates {
  readonly #options: LiveUpdatesOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #byKey: SubscribersByKey = new Map();

  constructor(options: LiveUpdatesOptions) {
    this.#options = options;
  }

  /**
   * A subscription that does not listen to anything yet. It must {@link leave}.
   * @param keys of the rows that concern it; undefined for all rows.
   */
  enter(keys: ReadonlySet<string> | undefined, tell: (update: ProjectionUpdate) => void): Subscriber {
    const subscriber: Subscriber = { keys, members: new Map(), tell };
    for (const key of keys ?? []) {
      const others = this.#byKey.get(key);
      if (others) others.add(subscriber);
      else this.#byKey.set(key, new Set([subscriber]));
    }
    return subscriber;
  }

  /** Tells the subscription of every change of the read model from now on. */
  listen(subscriber: Subscriber, projection: string, visibility: Visibility): void {
    this.#channelOf(projection).add(subscriber, visibility);
  }

  /**
   * The same for a subscription that has waited for the read model to reach a position: it is first told that the read
   * model is there, which stands for all of its rows.
   */
  listenFrom(position: number, subscriber: Subscriber, projection: string, visibility: Visibility): void {
    this.#channelOf(projection).add(subscriber, visibility, position);
  }

  leave(subscriber: Subscriber): void {
    for (const projection of [...subscriber.members.keys()]) {
      const channel = this.#channels.get(projection);
      if (!channel?.remove(subscriber)) continue;
      this.#channels.delete(projection);
    }
    for (const key of subscriber.keys ?? []) {
      const others = this.#byKey.get(key);
      others?.delete(subscriber);
      if (others?.size === 0) this.#byKey.delete(key);
    }
  }

  #channelOf(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) {
      const { registry, ...options } = this.#options;
      channel = new Channel({ ...options, name, projection: registry.projections.get(name), byKey: this.#byKey });
      this.#channels.set(name, channel);
    }
    return channel;
  }
}

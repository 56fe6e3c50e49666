/** Has methods for the occurrences that it wants to be told of. A method returns at once and does not throw. */
export type SubscriberOf<All> = { readonly [Name in keyof All]?: (occurrence: All[Name]) => void };

/**
 * Reports occurrences to the subscribers that have a method for them. If no subscriber has one, this costs one lookup.
 * Everything that happens is reported this way. Each layer declares its own occurrences, and those of the layers below
 * it: {@link DatabaseOccurrences}, {@link EngineOccurrences}, {@link ApiOccurrences}, {@link ServerOccurrences}.
 */
export class Observer<All extends object> {
  readonly #subscribers: readonly SubscriberOf<All>[];
  /** For each occurrence that was asked for so far. */
  readonly #subscribed = new Map<PropertyKey, readonly SubscriberOf<All>[]>();

  constructor(subscribers: readonly SubscriberOf<NoInfer<All>>[] = []) {
    this.#subscribers = subscribers;
  }

  /** True if a subscriber has a method for this. Check before gathering facts that might not be needed. */
  hears(name: keyof All): boolean {
    return this.#subscribersOf(name).length > 0;
  }

  tell<Name extends keyof All>(name: Name, occurrence: All[Name]): void {
    for (const subscriber of this.#subscribersOf(name)) subscriber[name]?.(occurrence);
  }

  /** An observer for a part whose other occurrences concern nobody: it passes on only these. */
  only<Name extends keyof All>(...names: readonly Name[]): Observer<All> {
    const heard = names.filter((name) => this.hears(name));
    const passOn = heard.map((name) => [name, (occurrence: All[Name]) => this.tell(name, occurrence)]);
    return new Observer<All>([Object.fromEntries(passOn) as SubscriberOf<All>]);
  }

  #subscribersOf(name: keyof All): readonly SubscriberOf<All>[] {
    let subscribed = this.#subscribed.get(name);
    if (!subscribed) {
      subscribed = this.#subscribers.filter((subscriber) => subscriber[name]);
      this.#subscribed.set(name, subscribed);
    }
    return subscribed;
  }
}

import type { EngineObserver } from '../observe/occurrences.ts';
import { inActiveSpan } from '../observe/trace.ts';
import type { ChangedRows, FormerRows } from './changed-rows.ts';

/** A read model has advanced: committed and visible to queries. */
export interface ProjectionMoved {
  readonly projection: string;
  readonly position: number;
  /** The rows that changed, as the text of their keys; null if unknown. */
  readonly keys: ReadonlySet<string> | null;
  /** Their values, if this process has changed them; undefined if they are unknown. */
  readonly rows?: ChangedRows | undefined;
  /**
   * What the rows were before. Rows that did not exist are missing, and a row that changed several times is there several
   * times. Undefined if it is unknown.
   */
  readonly former?: FormerRows | undefined;
  /** How long the oldest of the events waited, from being recorded to being visible here, in ms. */
  readonly lagMs: number;
  /** True if events wait in its dead letters; undefined if unknown. */
  readonly hasParked?: boolean | undefined;
}

export type Listener = (moved: ProjectionMoved) => void;

/**
 * Announces changes of read models within this process. Listeners are called one after the other in the projector's
 * turn: they put something into a mailbox and return.
 */
export class Hub {
  readonly #listeners = new Map<string, Set<Listener>>();
  #subscribers = 0;
  readonly #observer: EngineObserver;

  constructor(observer: EngineObserver) {
    this.#observer = observer;
  }

  /** Number of listeners for subscribers. One that listens to several projections counts for each of them. */
  get size(): number {
    return this.#subscribers;
  }

  /** Calls the listener for each advance of these projections, until the returned function is called. */
  listen(projections: Iterable<string>, listener: Listener): () => void {
    const leaves = [...new Set(projections)].map((projection) => this.follow(projection, listener));
    this.#subscribers += leaves.length;
    return () => {
      for (const leave of leaves.splice(0)) {
        leave();
        this.#subscribers--;
      }
    };
  }

  /** The same for the engine itself, whose listeners `size` does not count. */
  follow(projection: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(projection) ?? new Set();
    this.#listeners.set(projection, listeners);
    // A new function, because the same listener may be registered for two subscribers.
    const own: Listener = (moved) => listener(moved);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  publish(moved: ProjectionMoved): void {
    const { projection, position } = moved;
    const listeners = this.#listeners.get(projection);
    if (!listeners || listeners.size === 0) return;
    const attributes = () => ({
      'afterwrite.projection': projection,
      'afterwrite.position': position,
      'afterwrite.listeners': listeners.size,
    });
    inActiveSpan(`notify ${projection}`, attributes, () => {
      for (const listener of listeners) {
        try {
          listener(moved);
        } catch (error) {
          this.#observer.tell('faultMet', { error, context: { part: 'hub' } });
        }
      }
    });
  }
}

import { ThrottledError } from '../errors.ts';
import type { Append, AppendOutcome } from '../log/append/append.ts';
import type { AppendQueue } from '../log/append/append-queue.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import { GONE, KeyringError } from './keyring.ts';
import type { KeyLookup, KeyRef } from './sealed-data.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** When to try again if the keyring cannot be used, in ms. It is long because an operator has to act first. */
const RETRY_AFTER_MS = 5000;

/**
 * Gives each append the keys that it needs before it goes into the queue. If they are in memory, as nearly always, it goes there at once.
 */
export class SealingQueue implements Pick<AppendQueue, 'append' | 'assertRoom'> {
  readonly #queue: Pick<AppendQueue, 'append' | 'assertRoom'>;
  readonly #keys: SubjectKeys;
  readonly #observer: EngineObserver;

  /** @param observer told why the keyring cannot be used: callers are not told where it is. */
  constructor(queue: Pick<AppendQueue, 'append' | 'assertRoom'>, keys: SubjectKeys, observer: EngineObserver) {
    this.#queue = queue;
    this.#keys = keys;
    this.#observer = observer;
  }

  assertRoom(initiator?: string, bytes?: number): void {
    this.#queue.assertRoom(initiator, bytes);
  }

  /**
   * As the queue does. If somebody whom the events are about turns out to be erased, the answer is a conflict: it is known from
   * then on, so the command is decided again without what is personal. The same if somebody was erased while the append waited:
   * its keys are from before.
   * @throws {ThrottledError} if the keyring cannot be used; nothing was accepted.
   */
  append(append: Append, holds?: () => boolean): Promise<AppendOutcome> {
    const refs = append.events.flatMap(({ seal }) =>
      seal ? seal.parts.map(({ until }): KeyRef => ({ subject: seal.subject, until })) : [],
    );
    if (refs.length === 0) return this.#queue.append(append, holds);
    const { drops } = this.#keys;
    const areCurrent = () => this.#keys.drops === drops && (holds?.() ?? true);
    const keys = this.#keys.cached(refs);
    return keys ? this.#send(append, refs, keys, areCurrent) : this.#sendLater(append, refs, areCurrent);
  }

  async #sendLater(append: Append, refs: readonly KeyRef[], holds: () => boolean): Promise<AppendOutcome> {
    let keys: KeyLookup;
    try {
      keys = await this.#keys.forWriting(refs);
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      this.#refuse(error);
    }
    const lost = refs.find((ref) => keys(ref) === 'lost');
    if (lost)
      this.#refuse(new KeyringError('KEY_DAMAGED', `The key of ${lost.subject} in es.subject_keys is damaged.`));
    return this.#send(append, refs, keys, holds);
  }

  #refuse(error: KeyringError): never {
    this.#observer.tell('faultMet', { error, context: { part: 'keyring' } });
    const reason = 'Personal data cannot be encrypted at the moment, so nothing was stored.';
    throw new ThrottledError(RETRY_AFTER_MS, reason);
  }

  #send(append: Append, refs: readonly KeyRef[], keys: KeyLookup, holds: () => boolean): Promise<AppendOutcome> {
    if (refs.some((ref) => keys(ref) === GONE)) return Promise.resolve({ outcome: 'conflict' });
    return this.#queue.append({ ...append, keys }, holds);
  }
}

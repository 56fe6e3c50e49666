import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { Courier } from '../../kernel/notify/courier.ts';
import type { Hub, ProjectionMoved } from '../../kernel/notify/hub.ts';
import type { EngineObserver } from '../../kernel/observe/occurrences.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { pause } from '../../scheduling/sleeper.ts';
import type { ReadModels } from '../read/read-models.ts';
import type { Visibility } from '../read/visibility.ts';
import { Audience, type AudienceMember, type Notice, type Subscriber, type SubscribersByKey } from './audience.ts';

/** Most keys in one message; if more change, it says null. */
export const MAX_KEYS = 100;
/**
 * Maximum number of changed rows that are remembered until they are announced. If there are more, the keys are unknown.
 */
const MAX_WAITING_KEYS = 10_000;
/**
 * Maximum number of changed rows that are looked up for subscribers who may see only some rows. If there are more,
 * these are only told that rows have changed.
 */
const MAX_LOOKED_UP = 1000;
/** Minimum time between two lookups, in ms: changes in between are looked up together. */
const LOOKUP_EVERY_MS = 10;
/** Subscribers wait for a lookup, so it is repeated at least every two seconds. */
const READ_AGAIN: Backoff = { firstMs: 50, maxMs: 2000 };

/** The parts from which channels read. */
export interface ChannelSources {
  readonly hub: Hub;
  readonly readModels: ReadModels;
  readonly courier: Courier;
  readonly observer: Pick<EngineObserver, 'tell'>;
}

export interface ChannelOptions extends ChannelSources {
  readonly name: string;
  /** Undefined for a read model that everybody may see. */
  readonly projection: Projection | undefined;
  readonly byKey: SubscribersByKey;
}

/** Changes that have not been announced yet. */
interface PendingChanges {
  keys: Set<string> | null;
  lagMs: number;
}

/**
 * Announces the changes of one read model to its listeners. Rows are looked up once for all of them, each set of rights
 * is checked once, and changes that arrive during an announcement are merged: the work does not grow with the rate at
 * which the read model moves.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #audience: Audience;
  readonly #stopListening: () => void;
  /** Number of changes so far. */
  #number = 0;
  /** The position that was announced last, or is being announced. The next one is never lower. */
  #position = 0;
  /**
   * True if the read model went back, for example after a crash of Postgres. Nothing is announced until it has reached
   * its former position again.
   */
  #isSetBack = false;
  #waiting: PendingChanges | undefined;
  #isTelling = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#audience = new Audience(options.name, options.byKey);
    this.#stopListening = options.hub.listen([options.name], (moved) => this.#moved(moved));
  }

  /** @param from a position that is announced at once, and stands for all changes so far. */
  add(subscriber: Subscriber, visibility: Visibility, from?: number): void {
    this.#audience.add(subscriber, visibility, this.#number);
    if (from === undefined) return;
    this.#position = Math.max(this.#position, from);
    subscriber.tell({ projection: this.#options.name, position: from, keys: null, lagMs: 0 });
  }

  /** @returns true if it was the last one: the channel is closed. */
  remove(subscriber: Subscriber): boolean {
    const member = subscriber.members.get(this.#options.name);
    if (member) this.#audience.remove(member);
    if (this.#audience.isEmpty) this.#stopListening();
    return this.#audience.isEmpty;
  }

  #moved({ position, keys, lagMs }: ProjectionMoved): void {
    if (position < this.#position) {
      this.#isSetBack = true;
      return;
    }
    this.#position = position;
    const changed = this.#isSetBack ? null : keys;
    this.#isSetBack = false;
    if (changed?.size === 0) return;
    this.#number++;
    this.#wait(changed, lagMs);
    if (this.#isTelling) return;
    this.#isTelling = true;
    // Let the projector finish its turn first: everything that it changes in this turn is announced together.
    setImmediate(() => void this.#tell());
  }

  #wait(keys: ReadonlySet<string> | null, lagMs: number): void {
    this.#waiting ??= { keys: new Set(), lagMs };
    const { keys: waiting } = this.#waiting;
    if (keys) for (const key of keys) waiting?.add(key);
    if (!keys || (waiting && waiting.size > MAX_WAITING_KEYS)) this.#waiting.keys = null;
    this.#waiting.lagMs = Math.max(this.#waiting.lagMs, lagMs);
  }

  async #tell(): Promise<void> {
    let failures = 0;
    for (let changes = this.#take(); changes; changes = this.#take()) {
      const [number, position] = [this.#number, this.#position];
      let found: Concerned;
      try {
        found = await this.#findConcerned(changes);
        failures = 0;
      } catch (error) {
        const { observer, name: projection } = this.#options;
        observer.tell('updateDelayed', { error, context: { projection } });
        this.#wait(changes.keys, changes.lagMs);
        await pause(backoffMs(++failures, READ_AGAIN), undefined, { keepsProcess: false });
        continue;
      }
      const { notices, hasRead } = found;
      await this.#options.courier.each(updatesIn(notices), ({ member, keys }) => {
        if (member.knows >= number) return;
        member.subscriber.tell({ projection: this.#options.name, position, keys, lagMs: changes.lagMs });
      });
      if (hasRead) await pause(LOOKUP_EVERY_MS, undefined, { keepsProcess: false });
    }
    this.#isTelling = false;
  }

  #take(): PendingChanges | undefined {
    const changes = this.#audience.isEmpty ? undefined : this.#waiting;
    this.#waiting = undefined;
    return changes;
  }

  /** Finds out whom the changes concern. */
  async #findConcerned({ keys }: PendingChanges): Promise<Concerned> {
    if (keys === null) return { notices: [{ members: this.#audience.everybody(), keys }], hasRead: false };
    const undecided = this.#audience.undecided(keys);
    if (undecided.length === 0) return { notices: this.#audience.noticesOf(keys, NO_ROWS), hasRead: false };
    const { projection, readModels } = this.#options;
    if (!projection || projection.key.length > 1 || undecided.length > MAX_LOOKED_UP) {
      return { notices: this.#audience.noticesOf(keys, undefined), hasRead: false };
    }
    const rows = await readModels.propertiesOf(projection, this.#audience.deciding, undecided);
    return { notices: this.#audience.noticesOf(keys, rows), hasRead: true };
  }
}

interface Concerned {
  readonly notices: readonly Notice[];
  readonly hasRead: boolean;
}
const NO_ROWS: ReadonlyMap<string, RowValues> = new Map();

function* updatesIn(
  notices: readonly Notice[],
): Iterable<{ member: AudienceMember; keys: ReadonlySet<string> | null }> {
  for (const { members, keys } of notices) {
    const named = keys && keys.size > MAX_KEYS ? null : keys;
    for (const member of members) yield { member, keys: named };
  }
}

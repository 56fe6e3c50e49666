import { type Cancellation, cancelledBy, currentWork, isCancelled } from '../../../database/driver/cancellation.ts';
import { isTransient } from '../../../database/transient.ts';
import { Rotation } from '../../../scheduling/rotation.ts';
import { SharedWork } from './shared-work.ts';
import { UsualBytes } from './usual-bytes.ts';

/**
 * Statements of one group that are under way at a time. While these are on their way, what is asked for waits for the
 * next, as appends do. With two, one statement that hangs does not hold up the others; two that hang do, until their
 * timeout.
 */
const STATEMENTS_AT_ONCE = 2;
/** Statements after which a batch that fails is no longer divided. One bad key among a thousand takes 21. */
const STATEMENTS_PER_BATCH = 64;
/** Time after which a batch that fails is no longer divided, in ms. */
const DIVIDE_WITHIN_MS = 10_000;

/** Reads what these keys name, with one statement. What does not exist is left out. */
type ReadAll<Value> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

export interface GroupLimits<Value> {
  /** Keys that one statement reads. */
  readonly keys: number;
  /** Bytes that one statement reads, as far as they can be known from the values before. A single key is always read. */
  readonly bytes: number;
  /** Bytes of a value. */
  readonly bytesOf: (value: Value) => number;
}

interface Wanted<Value> {
  readonly key: string;
  readonly promise: Promise<Value | null>;
  resolve(value: Value | null): void;
  reject(error: unknown): void;
  /** Who asked for it last: it waits in their line too. */
  caller: string;
  /** The operations that wait for it; undefined for one that cannot be cancelled. */
  readonly works: Set<Cancellation | undefined>;
  /** A statement reads it. */
  isTaken: boolean;
}

/**
 * Reads values by key for all operations together. Whatever is asked for while statements are under way is read by the
 * next one, which begins after all of it was asked for. So each operation sees at least what it has waited for. Callers
 * take turns: one who asks for many keys does not hold up the others. A statement is cancelled when all operations that wait for it
 * have ended.
 */
export class GroupRead<Value> {
  readonly #readAll: ReadAll<Value>;
  readonly #limits: GroupLimits<Value>;
  readonly #usual: UsualBytes<Value>;
  readonly #wanted = new Map<string, Wanted<Value>>();
  /** By caller. Some may be taken: several callers asked for them. */
  readonly #lines = new Rotation<Wanted<Value>>();
  #running = 0;
  #isScheduled = false;

  constructor(readAll: ReadAll<Value>, limits: GroupLimits<Value>) {
    this.#readAll = readAll;
    this.#limits = limits;
    this.#usual = new UsualBytes(limits.bytesOf);
  }

  /** The value of a key; null if there is none. It is read after this call. */
  load(key: string, caller: string): Promise<Value | null> {
    let wanted = this.#wanted.get(key);
    if (!wanted) {
      wanted = { key, caller, works: new Set(), isTaken: false, ...Promise.withResolvers<Value | null>() };
      this.#wanted.set(key, wanted);
      this.#lines.add(caller, wanted);
      this.#schedule();
    } else if (wanted.caller !== caller) {
      wanted.caller = caller;
      this.#lines.add(caller, wanted);
    }
    wanted.works.add(currentWork());
    return wanted.promise;
  }

  /** Begins when everything that this turn of the event loop asks for is known. */
  #schedule(): void {
    if (this.#isScheduled || this.#running >= STATEMENTS_AT_ONCE || this.#wanted.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#readNext();
    });
  }

  async #readNext(): Promise<void> {
    const batch = this.#takeBatch();
    this.#running++;
    this.#schedule();
    await this.#read(batch);
    this.#running--;
    this.#schedule();
  }

  #takeBatch(): Wanted<Value>[] {
    const { keys, bytes } = this.#limits;
    const most = Math.min(keys, Math.max(1, Math.floor(bytes / this.#usual.bytes)));
    const batch: Wanted<Value>[] = [];
    while (batch.length < most) {
      const next = this.#lines.next();
      if (!next) break;
      const { thing: wanted } = next;
      if (wanted.isTaken) continue;
      wanted.isTaken = true;
      this.#wanted.delete(wanted.key);
      batch.push(wanted);
    }
    return batch;
  }

  /** Reads and answers these. If Postgres refuses one of them, or needs too long for all, it reads them in halves. */
  async #read(batch: readonly Wanted<Value>[]): Promise<void> {
    const until = performance.now() + DIVIDE_WITHIN_MS;
    const left = [batch];
    let statements = 0;
    for (let part = left.pop(); part; part = left.pop()) {
      statements++;
      const work = new SharedWork(part.flatMap(({ works }) => [...works]));
      try {
        const keys = part.map(({ key }) => key);
        const found = await cancelledBy(work, () => this.#readAll(keys));
        this.#usual.note(found);
        for (const { key, resolve } of part) resolve(found.get(key) ?? null);
      } catch (error) {
        const middle = Math.ceil(part.length / 2);
        const isWanted = work.signal?.aborted !== true;
        if (isWanted && part.length > 1 && mayConcernOne(error)) left.push(part.slice(middle), part.slice(0, middle));
        else reject(part, error);
        if (statements >= STATEMENTS_PER_BATCH || performance.now() >= until) reject(left.splice(0).flat(), error);
      } finally {
        work.done();
      }
    }
  }
}

function reject(wanted: readonly Pick<Wanted<unknown>, 'reject'>[], error: unknown): void {
  for (const each of wanted) each.reject(error);
}

/** Whether fewer of the keys may be read although a statement failed: a timeout of the statement may be due to one. */
function mayConcernOne(error: unknown): boolean {
  return !isTransient(error) || isCancelled(error);
}

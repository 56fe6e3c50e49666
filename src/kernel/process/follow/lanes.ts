import { Fifo } from '../../../scheduling/fifo.ts';
import type { LaneLimits, Task } from './task.ts';

interface Entry<T> {
  readonly task: T;
  readonly lane: Lane<T>;
  readonly partition: Partition<T>;
  state: 'waiting' | 'ready' | 'running' | 'paused';
  /** True if it has failed before. */
  isRepeated: boolean;
}

interface Lane<T> {
  readonly name: string;
  readonly fresh: Fifo<Entry<T>>;
  readonly repeated: Fifo<Entry<T>>;
  running: number;
  repeatedRunning: number;
  /** Number of its tasks, in any state. */
  size: number;
  /** How much it may still spend in this round. */
  credit: number;
}

interface Partition<T> {
  readonly name: string;
  readonly waiting: Fifo<Entry<T>>;
  /** Tasks that may run, are running, or pause after a failure. */
  readonly open: Set<Entry<T>>;
  readonly targets: Set<string>;
}

/** How much a lane may spend in a turn. */
const QUANTUM = 4;
/** Upper limit of a task's cost, so that a lane gets its turn within a few rounds. */
const DEAREST = 16 * QUANTUM;

/**
 * Distributes slots over lanes, one for each initiator: deficit round robin (Shreedhar and Varghese, 1995) with a limit
 * for the running tasks of one lane. Tasks of a partition keep their order. Tasks that failed before get a quarter of the
 * slots, so that the others find a slot however many hang. This is a pure data structure: it runs nothing and uses no
 * clock.
 */
export class Lanes<T extends Task> {
  readonly #limits: LaneLimits;
  readonly #entries = new Map<T, Entry<T>>();
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #partitions = new Map<string, Partition<T>>();
  /** Lanes that have a task that may run, and a slot for it, in the order of their turns. */
  readonly #fresh = new Set<Lane<T>>();
  readonly #repeated = new Set<Lane<T>>();
  #running = 0;
  #repeatedRunning = 0;
  #crowd = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Number of tasks that were added and are not done. */
  get size(): number {
    return this.#entries.size;
  }

  /** The same, but counting at most `counted` of each lane, so that one lane alone makes no crowd. */
  get crowd(): number {
    return this.#crowd;
  }

  get running(): number {
    return this.#running;
  }

  /** The same for one lane. */
  sizeOf(lane: string): number {
    return this.#lanes.get(lane)?.size ?? 0;
  }

  /** Number of lanes that have tasks. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** True if a partition has tasks that are not done. */
  isOpen(partition: string): boolean {
    return this.#partitions.has(partition);
  }

  /** @param isRepeated true if it has failed before, possibly in another process. */
  add(task: T, isRepeated = false): void {
    const lane = this.#laneOf(task.lane);
    const partition = this.#partitionOf(task.partition);
    const entry: Entry<T> = { task, lane, partition, state: 'waiting', isRepeated };
    this.#entries.set(task, entry);
    if (this.#counts(lane)) this.#crowd++;
    lane.size++;
    partition.waiting.push(entry);
    this.#release(partition);
  }

  /** The next task; it counts as running until it is `done` or paused. Undefined if none may run now. */
  next(): T | undefined {
    if (this.#running >= this.#limits.atOnce) return undefined;
    const entry = this.#nextRepeated() ?? this.#nextFresh();
    if (!entry) return undefined;
    const { lane } = entry;
    entry.state = 'running';
    this.#running++;
    lane.running++;
    if (entry.isRepeated) {
      this.#repeatedRunning++;
      lane.repeatedRunning++;
    }
    this.#takeTurns(lane);
    return entry.task;
  }

  /** The task has failed and releases its slot. It keeps its place in its partition. */
  pause(task: T): void {
    const entry = this.#entryOf(task);
    this.#stopRunning(entry);
    entry.state = 'paused';
    entry.isRepeated = true;
  }

  /** The task may run again. */
  resume(task: T): void {
    const entry = this.#entryOf(task);
    if (entry.state === 'paused') this.#makeReady(entry);
  }

  /** Removes a task that is done, or that something else has taken over. */
  done(task: T): void {
    const entry = this.#entryOf(task);
    if (entry.state === 'waiting' || entry.state === 'ready')
      throw new Error(`A task of partition ${task.partition} never ran.`);
    if (entry.state === 'running') this.#stopRunning(entry);
    this.#forget(entry);
    const { partition } = entry;
    partition.open.delete(entry);
    if (task.group) partition.targets.delete(task.group.target);
    this.#release(partition);
    if (partition.open.size === 0 && partition.waiting.size === 0) this.#partitions.delete(partition.name);
  }

  /** Removes the tasks of a partition that wait for an earlier one, in order. */
  takeWaiting(name: string): T[] {
    const partition = this.#partitions.get(name);
    const taken: T[] = [];
    for (let entry = partition?.waiting.shift(); entry; entry = partition?.waiting.shift()) {
      this.#forget(entry);
      taken.push(entry.task);
    }
    return taken;
  }

  #nextFresh(): Entry<T> | undefined {
    for (let lane = first(this.#fresh); lane; lane = first(this.#fresh)) {
      const { head } = lane.fresh;
      if (head === undefined) {
        this.#fresh.delete(lane);
        continue;
      }
      const cost = Math.min(DEAREST, head.task.cost);
      if (lane.credit >= cost) {
        lane.credit -= cost;
        return lane.fresh.shift();
      }
      // Its turn is over. A single lane does not wait for others' turns, so its credit only grows to the cost of the
      // task.
      lane.credit += QUANTUM;
      this.#fresh.delete(lane);
      this.#fresh.add(lane);
    }
    return undefined;
  }

  #nextRepeated(): Entry<T> | undefined {
    if (this.#repeatedRunning >= quarter(this.#limits.atOnce)) return undefined;
    const lane = first(this.#repeated);
    if (!lane) return undefined;
    this.#repeated.delete(lane);
    return lane.repeated.shift();
  }

  /**
   * Updates if a lane takes turns. It does only if it has a task that may run, and a slot for it. It joins at the end.
   */
  #takeTurns(lane: Lane<T>): void {
    const hasSlot = lane.running < this.#limits.perLane;
    if (hasSlot && lane.fresh.size > 0) this.#fresh.add(lane);
    else this.#fresh.delete(lane);
    // An idle lane saves no credit.
    if (lane.fresh.size === 0) lane.credit = 0;
    const mayRepeat = lane.repeatedRunning < quarter(this.#limits.perLane);
    if (hasSlot && mayRepeat && lane.repeated.size > 0) this.#repeated.add(lane);
    else this.#repeated.delete(lane);
  }

  #stopRunning(entry: Entry<T>): void {
    const { lane } = entry;
    this.#running--;
    lane.running--;
    if (entry.isRepeated) {
      this.#repeatedRunning--;
      lane.repeatedRunning--;
    }
    this.#takeTurns(lane);
  }

  #makeReady(entry: Entry<T>): void {
    const { lane, isRepeated } = entry;
    entry.state = 'ready';
    (isRepeated ? lane.repeated : lane.fresh).push(entry);
    this.#takeTurns(lane);
  }

  /** Releases the tasks of a partition that need not wait for an earlier one. */
  #release(partition: Partition<T>): void {
    for (;;) {
      const { head } = partition.waiting;
      if (!head || !mayJoin(partition, head)) return;
      partition.waiting.shift();
      partition.open.add(head);
      if (head.task.group) partition.targets.add(head.task.group.target);
      this.#makeReady(head);
    }
  }

  #forget({ task, lane }: Entry<T>): void {
    this.#entries.delete(task);
    lane.size--;
    if (this.#counts(lane)) this.#crowd--;
    if (lane.size > 0) return;
    this.#fresh.delete(lane);
    this.#repeated.delete(lane);
    this.#lanes.delete(lane.name);
  }

  /** True if one more task of a lane counts. */
  #counts({ size }: Lane<T>): boolean {
    return size < (this.#limits.counted ?? Number.POSITIVE_INFINITY);
  }

  #entryOf(task: T): Entry<T> {
    const entry = this.#entries.get(task);
    if (!entry) throw new Error(`A task of partition ${task.partition} was done before.`);
    return entry;
  }

  #laneOf(name: string): Lane<T> {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = { name, fresh: new Fifo(), repeated: new Fifo(), running: 0, repeatedRunning: 0, size: 0, credit: 0 };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #partitionOf(name: string): Partition<T> {
    let partition = this.#partitions.get(name);
    if (!partition) {
      partition = { name, waiting: new Fifo(), open: new Set(), targets: new Set() };
      this.#partitions.set(name, partition);
    }
    return partition;
  }
}

function mayJoin<T extends Task>({ open, targets }: Partition<T>, { task }: Entry<T>): boolean {
  const [neighbour] = open;
  if (!neighbour) return true;
  const { group } = task;
  return group !== undefined && group.kind === neighbour.task.group?.kind && !targets.has(group.target);
}

function quarter(limit: number): number {
  return Math.max(1, Math.floor(limit / 4));
}

function first<T>(values: ReadonlySet<T>): T | undefined {
  const [value] = values;
  return value;
}

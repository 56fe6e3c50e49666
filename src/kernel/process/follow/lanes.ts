import { Fifo } from '../../fifo.ts';

/** Something to be done, as the lanes see it. */
export interface Task {
  /** On whose behalf it is done: lanes share the slots. */
  readonly lane: string;
  /** Tasks of one line are done one after the other, in the order in which they were added. */
  readonly line: string;
  /** Neighbours in a line of the same `kind` with different targets may be done side by side. */
  readonly group?: { readonly kind: string; readonly target: string } | undefined;
  /** Share of a turn that it takes; 1 for a small one. */
  readonly cost: number;
}

export interface LaneLimits {
  /** Tasks that run at one time. */
  readonly atOnce: number;
  /** Of those, tasks of one lane. */
  readonly perLane: number;
  /** Tasks of one lane that {@link Lanes.crowd} counts. Unless given, all. */
  readonly counted?: number | undefined;
}

interface Entry<T> {
  readonly task: T;
  readonly lane: Lane<T>;
  readonly line: Line<T>;
  state: 'waiting' | 'ready' | 'running' | 'paused';
  /** It has failed before. */
  isRepeated: boolean;
}

interface Lane<T> {
  readonly name: string;
  readonly fresh: Fifo<Entry<T>>;
  readonly repeated: Fifo<Entry<T>>;
  running: number;
  repeatedRunning: number;
  /** Tasks that it has, in any state. */
  size: number;
  /** What it may still spend in this round. */
  credit: number;
}

interface Line<T> {
  readonly name: string;
  readonly waiting: Fifo<Entry<T>>;
  /** Those that may run, run, or pause after a failure. */
  readonly open: Set<Entry<T>>;
  readonly targets: Set<string>;
}

/** What a lane may spend in a turn. */
const QUANTUM = 4;
/** The dearest task costs as much as this many turns, so that a turn is always found in a few rounds. */
const DEAREST = 16 * QUANTUM;

/**
 * Shares slots out over lanes, one for each initiator: deficit round robin (Shreedhar and Varghese, 1995) with a bound on
 * what one lane has running. Tasks of a line keep their order. Tasks that failed before have a quarter of the slots, so that
 * however many hang each time, the others find one. A pure data structure: it runs nothing and knows no time.
 */
export class Lanes<T extends Task> {
  readonly #limits: LaneLimits;
  readonly #entries = new Map<T, Entry<T>>();
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #lines = new Map<string, Line<T>>();
  /** Lanes in the order of their turns that have a task which may run, and a slot for it. */
  readonly #fresh = new Set<Lane<T>>();
  readonly #repeated = new Set<Lane<T>>();
  #running = 0;
  #repeatedRunning = 0;
  #crowd = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Tasks that were added and are not done. */
  get size(): number {
    return this.#entries.size;
  }

  /** The same, with at most `counted` of each lane: one lane alone makes no crowd. */
  get crowd(): number {
    return this.#crowd;
  }

  get running(): number {
    return this.#running;
  }

  /** The same of one lane. */
  sizeOf(lane: string): number {
    return this.#lanes.get(lane)?.size ?? 0;
  }

  /** Lanes that have tasks. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** Whether a line has tasks that are not done. */
  isOpen(line: string): boolean {
    return this.#lines.has(line);
  }

  /** @param isRepeated it has failed before, in another life. */
  add(task: T, isRepeated = false): void {
    const lane = this.#laneOf(task.lane);
    const line = this.#lineOf(task.line);
    const entry: Entry<T> = { task, lane, line, state: 'waiting', isRepeated };
    this.#entries.set(task, entry);
    if (this.#counts(lane)) this.#crowd++;
    lane.size++;
    line.waiting.push(entry);
    this.#release(line);
  }

  /** The task whose turn it is; it counts as running until it is `done` or paused. Undefined if none may run now. */
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

  /** The task has failed and gives its slot back. It keeps its place in its line. */
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

  /** The task is done, or is somebody else's from now on. */
  done(task: T): void {
    const entry = this.#entryOf(task);
    if (entry.state === 'waiting' || entry.state === 'ready') throw new Error(`A task of line ${task.line} never ran.`);
    if (entry.state === 'running') this.#stopRunning(entry);
    this.#forget(entry);
    const { line } = entry;
    line.open.delete(entry);
    if (task.group) line.targets.delete(task.group.target);
    this.#release(line);
    if (line.open.size === 0 && line.waiting.size === 0) this.#lines.delete(line.name);
  }

  /** Takes those of a line out that wait for one before them, in order. */
  takeWaiting(name: string): T[] {
    const line = this.#lines.get(name);
    const taken: T[] = [];
    for (let entry = line?.waiting.shift(); entry; entry = line?.waiting.shift()) {
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
      // Its turn is over. Alone it need not wait for others' turns; then credit only grows to what the task costs.
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

  /** Says whether a lane has its turns: only if it has something that may run, and a slot for it. Its place is the last. */
  #takeTurns(lane: Lane<T>): void {
    const hasSlot = lane.running < this.#limits.perLane;
    if (hasSlot && lane.fresh.size > 0) this.#fresh.add(lane);
    else this.#fresh.delete(lane);
    // An idle lane saves nothing up.
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

  /** Lets those of a line run that need not wait for one before them. */
  #release(line: Line<T>): void {
    for (;;) {
      const { head } = line.waiting;
      if (!head || !mayJoin(line, head)) return;
      line.waiting.shift();
      line.open.add(head);
      if (head.task.group) line.targets.add(head.task.group.target);
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

  /** Whether one more task of a lane counts. */
  #counts({ size }: Lane<T>): boolean {
    return size < (this.#limits.counted ?? Number.POSITIVE_INFINITY);
  }

  #entryOf(task: T): Entry<T> {
    const entry = this.#entries.get(task);
    if (!entry) throw new Error(`A task of line ${task.line} was done before.`);
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

  #lineOf(name: string): Line<T> {
    let line = this.#lines.get(name);
    if (!line) {
      line = { name, waiting: new Fifo(), open: new Set(), targets: new Set() };
      this.#lines.set(name, line);
    }
    return line;
  }
}

function mayJoin<T extends Task>({ open, targets }: Line<T>, { task }: Entry<T>): boolean {
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

import { allFormerRows, type FormerRows } from './changed-rows.ts';

/** How far a projection has been moved. Its owner notifies the other instances of it. */
export interface RemoteAdvance {
  /** The advance covers the events after this position, up to and including `to`. */
  readonly from: number;
  readonly to: number;
  /** The rows that changed; null if unknown, or if they are too many for a notification. */
  readonly keys: readonly string[] | null;
  /** What these rows were before each change; undefined if unknown, or if it is too much for a notification. */
  readonly former?: FormerRows | undefined;
  /** How long the oldest of the events waited, in ms. */
  readonly lagMs: number;
  /** The checkpoint's generation. Positions of another generation refer to another table. */
  readonly generation: number;
  /** True if events wait in its dead letters; undefined if unknown. */
  readonly hasParked?: boolean | undefined;
}

/** A message of one instance to the others. The field names are those of the message. */
export interface Notification {
  readonly sender: string;
  /** Number of the message among those of its sender. */
  readonly number: number;
  /** The last event of the log that the sender knows, and when it was recorded, in ms; 0 if it knows none. */
  readonly head: number;
  readonly recordedAt: number;
  /** Projections that have moved, by the keys of their checkpoints. */
  readonly moved: Readonly<Record<string, RemoteAdvance>>;
  /** True if the sender has released projections. */
  readonly released: boolean;
  /** True if the sender has just begun to listen. Those who receive it answer, so that it knows that they are there. */
  readonly isGreeting?: boolean | undefined;
}

/** Postgres accepts payloads of less than 8,000 bytes. */
const MAX_BYTES = 7999;
/** Maximum number of keys for one projection. More would not fit. */
const MAX_KEYS = 250;
/** Maximum number of rows of one projection of which it is told what they were before. More would not fit. */
export const MAX_FORMER_ROWS = 60;

/** Collects facts until the next notification, which contains all of them. */
export class NotificationBuffer {
  #head = 0;
  #recordedAt = 0;
  #moved = new Map<string, RemoteAdvance>();
  #released = false;
  #isEmpty = true;

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  appended(head: number, recordedAt: Date | undefined): void {
    this.#isEmpty = false;
    if (head <= this.#head) return;
    this.#head = head;
    this.#recordedAt = recordedAt?.getTime() ?? 0;
  }

  moved(projection: string, advance: RemoteAdvance): void {
    this.#isEmpty = false;
    const before = this.#moved.get(projection);
    // If the ranges are not contiguous, only the newer one is kept.
    this.#moved.set(
      projection,
      before?.generation === advance.generation && before.to === advance.from ? merged(before, advance) : advance,
    );
  }

  released(): void {
    this.#isEmpty = false;
    this.#released = true;
  }

  /** The message, short enough for Postgres. Empties the buffer. */
  take(sender: string, number: number, isGreeting = false): string {
    const moved = Object.fromEntries(this.#moved);
    const notification: Notification = {
      sender,
      number,
      head: this.#head,
      recordedAt: this.#recordedAt,
      moved,
      released: this.#released,
      isGreeting: isGreeting || undefined,
    };
    this.#moved = new Map();
    this.#released = false;
    this.#isEmpty = true;
    return shortened(notification);
  }
}

/** A message that shows only that its sender is there. */
export function blankNotification(sender: string, number: number): string {
  const notification: Notification = { sender, number, head: 0, recordedAt: 0, moved: {}, released: false };
  return JSON.stringify(notification);
}

/** Parses a message; undefined if this version does not understand it. */
export function readNotification(payload: string): Notification | undefined {
  try {
    const notification = JSON.parse(payload) as Partial<Notification> | null;
    const isNotification =
      typeof notification?.sender === 'string' &&
      typeof notification.head === 'number' &&
      typeof notification.moved === 'object';
    return isNotification && notification.moved !== null ? (notification as Notification) : undefined;
  } catch {
    return undefined;
  }
}

function merged(before: RemoteAdvance, now: RemoteAdvance): RemoteAdvance {
  const keys = before.keys && now.keys && new Set([...before.keys, ...now.keys]);
  const former = allFormerRows([before.former, now.former]);
  return {
    ...now,
    from: before.from,
    keys: keys && keys.size <= MAX_KEYS ? [...keys] : null,
    former: former && former.rows.length <= MAX_FORMER_ROWS ? former : undefined,
    lagMs: Math.max(before.lagMs, now.lagMs),
  };
}

/**
 * Removes former rows, then keys, the largest sets first, and then advances. Other instances find those in the table
 * of checkpoints.
 */
function shortened(notification: Notification): string {
  const text = JSON.stringify(notification);
  let excess = Buffer.byteLength(text) - MAX_BYTES;
  if (excess <= 0) return text;
  const moved: Record<string, RemoteAdvance> = { ...notification.moved };
  for (const part of ['former', 'keys'] as const) {
    const sizes = Object.entries(moved).map(([name, advance]) => [name, bytesOf(advance[part])] as const);
    for (const [name, size] of sizes.sort(([, a], [, b]) => b - a)) {
      if (excess <= 0) break;
      moved[name] = { ...(moved[name] as RemoteAdvance), [part]: part === 'keys' ? null : undefined };
      excess -= size - (part === 'keys' ? 'null'.length : 0);
    }
  }
  return JSON.stringify(excess <= 0 ? { ...notification, moved } : { ...notification, moved: {} });
}

function bytesOf(part: unknown): number {
  return part === undefined ? 0 : Buffer.byteLength(JSON.stringify(part));
}

/** Where a projection has been moved, as its owner tells others. */
export interface Move {
  /** Events after this position, up to and with `to`. */
  readonly from: number;
  readonly to: number;
  /** The rows that these have changed; null where it is not known which, or there are too many to tell. */
  readonly keys: readonly string[] | null;
  /** How long the oldest of them waited, in ms. */
  readonly lagMs: number;
  /** The checkpoint's generation: positions of another one are of another table. */
  readonly generation: number;
  /** Whether events wait in its dead letters; undefined if that is not known. */
  readonly hasParked?: boolean | undefined;
}

/** What one instance tells the others. */
export interface News {
  readonly sender: string;
  /** Counts the sender's messages. */
  readonly number: number;
  /** The last event of the log, as far as the sender knows, and when it was recorded, in ms; 0 where it does not know. */
  readonly head: number;
  readonly recordedAt: number;
  readonly moved: Readonly<Record<string, Move>>;
  /** Projections of the sender are free. */
  readonly released: boolean;
}

/** Postgres takes payloads of less than 8,000 bytes. */
const MAX_BYTES = 7999;
/** More keys of one projection are not kept: they would not fit. */
const MAX_KEYS = 250;

/** Gathers what is to be told, as one message however much it is. */
export class NewsDesk {
  #head = 0;
  #recordedAt = 0;
  #moved = new Map<string, Move>();
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

  moved(projection: string, move: Move): void {
    this.#isEmpty = false;
    const before = this.#moved.get(projection);
    // What does not follow on is of another time: that is all that is told.
    this.#moved.set(
      projection,
      before?.generation === move.generation && before.to === move.from ? merged(before, move) : move,
    );
  }

  released(): void {
    this.#isEmpty = false;
    this.#released = true;
  }

  /** The message, as short as a notification has to be. Nothing waits to be told afterwards. */
  take(sender: string, number: number): string {
    const moved = Object.fromEntries(this.#moved);
    const news: News = {
      sender,
      number,
      head: this.#head,
      recordedAt: this.#recordedAt,
      moved,
      released: this.#released,
    };
    this.#moved = new Map();
    this.#released = false;
    this.#isEmpty = true;
    return shortened(news);
  }
}

/** Reads a message; undefined where it is none that this version understands. */
export function readNews(payload: string): News | undefined {
  try {
    const news = JSON.parse(payload) as Partial<News> | null;
    const isNews = typeof news?.sender === 'string' && typeof news.head === 'number' && typeof news.moved === 'object';
    return isNews && news.moved !== null ? (news as News) : undefined;
  } catch {
    return undefined;
  }
}

function merged(before: Move, now: Move): Move {
  const keys = before.keys && now.keys && new Set([...before.keys, ...now.keys]);
  return {
    ...now,
    from: before.from,
    keys: keys && keys.size <= MAX_KEYS ? [...keys] : null,
    lagMs: Math.max(before.lagMs, now.lagMs),
  };
}

/** Leaves out keys, the most numerous first, and then moves: whoever is not told looks. */
function shortened(news: News): string {
  const text = JSON.stringify(news);
  let excess = Buffer.byteLength(text) - MAX_BYTES;
  if (excess <= 0) return text;
  const moved: Record<string, Move> = { ...news.moved };
  const sizes = Object.entries(moved).map(
    ([name, { keys }]) => [name, Buffer.byteLength(JSON.stringify(keys))] as const,
  );
  for (const [name, size] of sizes.sort(([, a], [, b]) => b - a)) {
    if (excess <= 0) break;
    moved[name] = { ...(moved[name] as Move), keys: null };
    excess -= size - 'null'.length;
  }
  return JSON.stringify(excess <= 0 ? { ...news, moved } : { ...news, moved: {} });
}

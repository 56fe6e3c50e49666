import type { Operation } from './answer.ts';
import type { CommandReceipt } from './command.ts';
import { signedOut } from './credentials.ts';
import { AfterwriteError, CommandError, RequestError } from './errors.ts';
import { backoff, pause } from './pause.ts';

/** Where commands wait: `localStorage`, or something like it. */
export type QueueStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** What became of a command that had waited, also one of a former page. */
export interface QueuedOutcome {
  readonly commandId: string;
  readonly receipt?: CommandReceipt;
  readonly error?: unknown;
}

export interface QueueParts {
  readonly name: string;
  readonly storage: QueueStorage;
  /** Sends a command as its user, and as nobody else. */
  readonly send: (operation: Operation, identity: string, signal: AbortSignal) => Promise<CommandReceipt>;
  /** Who is asking: commands of others stay until they are signed in. */
  readonly identity: () => Promise<string>;
  readonly settled: (outcome: QueuedOutcome) => void;
}

interface Entry {
  readonly operation: Operation;
  readonly identity: string;
}

/** Of the number by which keys in the storage are sorted. */
const DIGITS = 16;
const MOST = 1000;
const MOST_CHARACTERS = 1_000_000;

interface Waiting extends Entry {
  resolve(receipt: CommandReceipt): void;
  reject(error: unknown): void;
}

/**
 * Commands that wait for the server, in order, also over reloads. Each keeps its id, so it takes effect once even if
 * several tabs send it. One that is refused does not hold up those after it.
 */
export class CommandQueue {
  readonly #parts: QueueParts;
  /** Commands of this page, by their keys in the storage. */
  readonly #waiting = new Map<string, Waiting>();
  #stop = new AbortController();
  #draining: Promise<void> | undefined;
  #isAsked = false;
  #nth = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** How many wait, of whomever. */
  get length(): number {
    return this.#keys().length;
  }

  /** Adds a command, which is kept at once. @throws {AfterwriteError} QUEUE_FULL */
  async add(operation: Operation, identity: string): Promise<CommandReceipt> {
    const { storage, name } = this.#parts;
    const entry = JSON.stringify({ operation, identity } satisfies Entry);
    const keys = this.#keys();
    const characters = keys.reduce((sum, key) => sum + (storage.getItem(key)?.length ?? 0), entry.length);
    if (keys.length >= MOST || characters > MOST_CHARACTERS) {
      const message = `At most ${MOST} commands, and ${MOST_CHARACTERS} characters, wait for the server.`;
      throw new AfterwriteError('QUEUE_FULL', message, { length: keys.length });
    }
    const last = Number(keys.at(-1)?.slice(name.length, name.length + DIGITS) ?? 0);
    this.#nth = Math.max(Date.now(), last + 1, this.#nth + 1);
    const key = `${name}${String(this.#nth).padStart(DIGITS, '0')} ${operation.variables.commandId}`;
    storage.setItem(key, entry);
    const outcome = new Promise<CommandReceipt>((resolve, reject) => {
      this.#waiting.set(key, { operation, identity, resolve, reject });
    });
    void this.drain();
    return outcome;
  }

  /** Sends what waits, one after the other, until all is answered. Never rejects. */
  drain(): Promise<void> {
    this.#isAsked = true;
    this.#draining ??= this.#alone(() => this.#drain()).finally(() => {
      this.#draining = undefined;
      if (this.#isAsked) void this.drain();
    });
    return this.#draining;
  }

  /** Who was asking last, also in a former page. It is kept for pages in which the application cannot tell yet. */
  get lastIdentity(): string | undefined {
    return this.#parts.storage.getItem(this.#identityKey) ?? undefined;
  }

  knows(identity: string): void {
    try {
      this.#parts.storage.setItem(this.#identityKey, identity);
    } catch {
      // A full storage is no reason to refuse requests.
      this.#parts.storage.removeItem(this.#identityKey);
    }
  }

  /** Forgets the commands of one user, who has signed out. Those of this page reject with SIGNED_OUT. */
  forget(identity: string): void {
    const { storage } = this.#parts;
    const reason = signedOut();
    for (const key of this.#keys()) if (this.#entry(key)?.identity === identity) storage.removeItem(key);
    if (this.lastIdentity === identity) storage.removeItem(this.#identityKey);
    for (const [key, waiting] of this.#waiting) {
      if (waiting.identity !== identity) continue;
      this.#waiting.delete(key);
      waiting.reject(reason);
    }
    this.#interrupt(reason);
  }

  /** Sends nothing more. What waits stays in the storage; commands of this page reject with the reason. */
  stop(reason: AfterwriteError): void {
    this.#interrupt(reason);
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  get #identityKey(): string {
    return `identity ${this.#parts.name}`;
  }

  #interrupt(reason: AfterwriteError): void {
    this.#isAsked = false;
    this.#stop.abort(reason);
    this.#stop = new AbortController();
  }

  async #drain(): Promise<void> {
    const { send, storage, identity, settled } = this.#parts;
    const { signal } = this.#stop;
    this.#isAsked = false;
    for (let failures = 0; !signal.aborted; ) {
      const who = await identity().catch(() => undefined);
      const next = who === undefined ? undefined : this.#next(who);
      if (who !== undefined && !next) return;
      const outcome = next ? await attempt(() => send(next.operation, next.identity, signal)) : undefined;
      if (signal.aborted) return;
      if (!next || !outcome || ('error' in outcome && !isSettled(outcome.error))) {
        await pause(backoff(failures++), signal).catch(() => undefined);
        continue;
      }
      failures = 0;
      storage.removeItem(next.key);
      const waiting = this.#waiting.get(next.key);
      this.#waiting.delete(next.key);
      if ('error' in outcome) waiting?.reject(outcome.error);
      else waiting?.resolve(outcome.receipt);
      settled({ commandId: String(next.operation.variables.commandId), ...outcome });
    }
  }

  /** The oldest command of a caller. One that another tab has sent is sent again for its answer. */
  #next(identity: string): (Entry & { readonly key: string }) | undefined {
    const keys = this.#keys();
    for (const [key, { operation, identity: whose }] of this.#waiting) {
      if (whose === identity && !keys.includes(key)) return { key, operation, identity };
    }
    for (const key of keys) {
      const entry = this.#entry(key);
      if (entry?.identity === identity) return { key, ...entry };
    }
    return undefined;
  }

  #keys(): string[] {
    const { storage, name } = this.#parts;
    const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at));
    return keys.filter((key): key is string => key?.startsWith(name) === true).sort();
  }

  #entry(key: string): Entry | undefined {
    return JSON.parse(this.#parts.storage.getItem(key) ?? 'null') ?? undefined;
  }

  /** Tabs take turns, so that commands stay in order. */
  async #alone(drain: () => Promise<void>): Promise<void> {
    const { locks } = (globalThis.navigator ?? {}) as { locks?: Locks };
    const { signal } = this.#stop;
    await (locks ? locks.request(this.#parts.name, { signal }, drain).catch(() => undefined) : drain());
  }
}

/** The part of the platform's locks that is used. */
interface Locks {
  request(name: string, options: { signal: AbortSignal }, hold: () => Promise<void>): Promise<void>;
}

async function attempt(send: () => Promise<CommandReceipt>) {
  try {
    return { receipt: await send() };
  } catch (error) {
    return { error };
  }
}

/** True if the server has answered the command itself. All other failures leave it waiting. */
function isSettled(error: unknown): boolean {
  if (error instanceof CommandError) return true;
  if (error instanceof RequestError) return error.code !== 'UNAUTHENTICATED';
  return error instanceof AfterwriteError && error.code === 'RESULT_UNKNOWN';
}

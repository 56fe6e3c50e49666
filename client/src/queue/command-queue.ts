import type { Operation } from '../core/answer.ts';
import type { CommandReceipt } from '../core/command.ts';
import { signedOut } from '../core/credentials.ts';
import { AfterwriteError, CommandError, RequestError } from '../core/errors.ts';
import { backoff, pause } from '../core/pause.ts';
import type { Queue, QueueParts } from '../core/queue.ts';
import { LastIdentity } from './last-identity.ts';
import { type QueueStorage, type StoredCommand, StoredCommands } from './stored-commands.ts';

interface Waiting extends StoredCommand {
  resolve(receipt: CommandReceipt): void;
  reject(error: unknown): void;
}

/**
 * Commands that wait for the server, in order, also over reloads. Each keeps its id, so it takes effect once even if
 * several tabs send it. One that is refused does not hold up those after it.
 */
export class CommandQueue implements Queue {
  readonly #parts: QueueParts;
  readonly #stored: StoredCommands;
  readonly #last: LastIdentity;
  /** Commands of this page, by their keys in the storage. */
  readonly #waiting = new Map<string, Waiting>();
  /** Settles when the commands of all calls so far are stored or refused. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  #stop = new AbortController();
  #draining: Promise<void> | undefined;
  #isAsked = false;
  /** Attempts that have failed, one after the other. */
  #failures = 0;

  constructor(parts: QueueParts, storage: QueueStorage) {
    this.#parts = parts;
    this.#stored = new StoredCommands(storage, parts.name);
    this.#last = new LastIdentity(parts.name, parts.tab, storage);
  }

  /** How many wait, of whomever. */
  get length(): number {
    return this.#stored.keys.length;
  }

  get lastIdentity(): string | undefined {
    return this.#last.known;
  }

  /**
   * Adds a command, which is kept as soon as it is known whose it is, behind those of earlier calls.
   * @throws {AfterwriteError} QUEUE_FULL
   */
  add(operation: Operation): Promise<CommandReceipt> {
    const { signedIn } = this.#parts.credentials;
    const turn = this.#turn;
    return new Promise((resolve, reject) => {
      // The application may tell later calls first whose they are. It is asked at once: the user may change.
      const stored = Promise.all([this.#whose(), turn])
        .then(([identity]) => {
          signedIn.throwIfAborted();
          const key = this.#stored.add({ operation, identity });
          this.#waiting.set(key, { operation, identity, resolve, reject });
          void this.drain();
        })
        .catch(reject);
      this.#turn = Promise.all([turn, stored]);
    });
  }

  /** Sends what waits, one after the other, until all is answered. Never rejects. */
  drain(): Promise<void> {
    this.#isAsked = true;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
      if (this.#isAsked) void this.drain();
    });
    return this.#draining;
  }

  knows(identity: string): void {
    this.#last.keep(identity);
  }

  /** Forgets the commands of one user, who has signed out. Those of this page reject with SIGNED_OUT. */
  forget(identity: string): void {
    const reason = signedOut();
    for (const key of this.#stored.keys) if (this.#stored.get(key)?.identity === identity) this.#stored.remove(key);
    this.#last.forget(identity);
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

  /** Whose a command is that shall wait. @throws {UnreachableError} if that was never known. */
  async #whose(): Promise<string> {
    const { credentials } = this.#parts;
    const { signedIn, identity = this.lastIdentity } = credentials;
    const present = await credentials.present().catch((error: unknown) => {
      if (identity === undefined) throw error;
      return { identity };
    });
    signedIn.throwIfAborted();
    return present.identity;
  }

  #interrupt(reason: AfterwriteError): void {
    this.#isAsked = false;
    this.#stop.abort(reason);
    this.#stop = new AbortController();
  }

  /** Between two attempts, other tabs have their turn: their users may have better luck. */
  async #drain(): Promise<void> {
    const { signal } = this.#stop;
    this.#isAsked = false;
    this.#failures = 0;
    while (!signal.aborted && !(await this.#alone(() => this.#send(signal)))) {
      await pause(backoff(this.#failures++), signal).catch(() => undefined);
    }
  }

  /** Sends the commands of the user who is there, until one has no answer. @returns true if none is left. */
  async #send(signal: AbortSignal): Promise<boolean> {
    const { send, credentials, settled } = this.#parts;
    while (!signal.aborted) {
      const who = await credentials.present().catch(() => undefined);
      const next = who && this.#next(who.identity);
      if (!next) return who !== undefined;
      const outcome = await attempt(() => send(next.operation, next.identity, signal));
      if (signal.aborted || ('error' in outcome && !isSettled(outcome.error))) return false;
      this.#failures = 0;
      this.#stored.remove(next.key);
      const waiting = this.#waiting.get(next.key);
      this.#waiting.delete(next.key);
      if ('error' in outcome) waiting?.reject(outcome.error);
      else waiting?.resolve(outcome.receipt);
      settled({ commandId: String(next.operation.variables.commandId), ...outcome });
    }
    return false;
  }

  /** The oldest command of a caller. One that another tab has sent is sent again for its answer. */
  #next(identity: string): (StoredCommand & { readonly key: string }) | undefined {
    const { keys } = this.#stored;
    for (const [key, { operation, identity: whose }] of this.#waiting) {
      if (whose === identity && !keys.includes(key)) return { key, operation, identity };
    }
    for (const key of keys) {
      const entry = this.#stored.get(key);
      if (entry?.identity === identity) return { key, ...entry };
    }
    return undefined;
  }

  /** Tabs take turns, so that commands stay in order. @returns undefined if it has to stop before its turn. */
  async #alone(send: () => Promise<boolean>): Promise<boolean | undefined> {
    const { locks } = (globalThis.navigator ?? {}) as { locks?: Locks };
    const { signal } = this.#stop;
    return locks ? locks.request(this.#parts.name, { signal }, send).catch(() => undefined) : send();
  }
}

/** The part of the platform's locks that is used. */
interface Locks {
  request<Result>(name: string, options: { signal: AbortSignal }, hold: () => Promise<Result>): Promise<Result>;
}

async function attempt(send: () => Promise<CommandReceipt>) {
  try {
    return { receipt: await send() };
  } catch (error) {
    return { error };
  }
}

/**
 * True if the server has answered the command itself, or has failed at it as long as it was sent again: a fault in the
 * command's own code must not hold up those after it for ever. All other failures leave it waiting.
 */
function isSettled(error: unknown): boolean {
  if (error instanceof CommandError) return true;
  if (error instanceof RequestError) return error.code !== 'UNAUTHENTICATED';
  if (!(error instanceof AfterwriteError)) return false;
  const { code, cause } = error;
  return code === 'RESULT_UNKNOWN' || (code === 'NO_ANSWER' && cause instanceof RequestError && isFaultOf(cause));
}

/** True for a fault in one field of the operation. One without a path has nothing to do with the command. */
const isFaultOf = ({ errors }: RequestError): boolean =>
  errors.some(({ path, extensions }) => path && extensions?.code === 'INTERNAL_SERVER_ERROR');

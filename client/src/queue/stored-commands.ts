import type { Operation } from '../core/answer.ts';
import { AfterwriteError } from '../core/errors.ts';
import { attempt } from '../core/storage.ts';

/** Where commands wait: `localStorage`, or something like it. */
export type QueueStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** A command, and whose it is. */
export interface StoredCommand {
  readonly operation: Operation;
  readonly identity: string;
}

/** Of the number by which keys in the storage are sorted. */
const DIGITS = 16;
const MOST = 1000;
const MOST_CHARACTERS = 1_000_000;

/** The commands of one queue in a storage, which tabs share. */
export class StoredCommands {
  readonly #storage: QueueStorage;
  readonly #name: string;
  #nth = 0;

  constructor(storage: QueueStorage, name: string) {
    this.#storage = storage;
    this.#name = name;
  }

  /** Keys of the commands, oldest first. */
  get keys(): string[] {
    const keys = Array.from({ length: this.#storage.length }, (_, at) => this.#storage.key(at));
    return keys.filter((key): key is string => key?.startsWith(this.#name) === true).sort();
  }

  /** @returns undefined if another tab has removed it. What is no command is removed: it would hold up all others. */
  get(key: string): StoredCommand | undefined {
    const entry = this.#storage.getItem(key);
    if (entry === null) return undefined;
    const command = attempt(() => JSON.parse(entry));
    if (typeof command?.operation?.query === 'string') return command;
    this.remove(key);
    return undefined;
  }

  /** Adds a command behind all others. @returns its key. @throws {AfterwriteError} QUEUE_FULL */
  add(command: StoredCommand): string {
    const entry = JSON.stringify(command);
    const { keys } = this;
    const characters = keys.reduce((sum, key) => sum + (this.#storage.getItem(key)?.length ?? 0), entry.length);
    if (keys.length >= MOST || characters > MOST_CHARACTERS) {
      throw full(`At most ${MOST} commands, and ${MOST_CHARACTERS} characters, wait for the server.`, keys);
    }
    const last = Number(keys.at(-1)?.slice(this.#name.length, this.#name.length + DIGITS) ?? 0);
    this.#nth = Math.max(Date.now(), last + 1, this.#nth + 1);
    const key = `${this.#name}${String(this.#nth).padStart(DIGITS, '0')} ${command.operation.variables.commandId}`;
    try {
      this.#storage.setItem(key, entry);
    } catch (error) {
      // What the page keeps for other purposes counts too.
      throw full('The storage has no room for another command.', keys, error);
    }
    return key;
  }

  remove(key: string): void {
    this.#storage.removeItem(key);
  }
}

const full = (message: string, { length }: readonly string[], cause?: unknown) =>
  new AfterwriteError('QUEUE_FULL', message, { length }, cause);

import type { Operation } from './answer.ts';
import type { CommandReceipt } from './command.ts';
import type { Credentials } from './credentials.ts';
import type { AfterwriteError } from './errors.ts';
import type { TokenStorage } from './storage.ts';

/** What became of a command that had waited, also one of a former page. */
export interface QueuedOutcome {
  readonly commandId: string;
  readonly receipt?: CommandReceipt;
  readonly error?: unknown;
}

/** What a queue is made with. */
export interface QueueParts {
  /** A storage may hold the queues of several clients. */
  readonly name: string;
  readonly credentials: Credentials;
  /** Where this tab remembers over a reload who was asking; undefined if it remembers nothing. */
  readonly tab: TokenStorage | undefined;
  /** Sends a command as its user, and as nobody else. */
  readonly send: (operation: Operation, identity: string, signal: AbortSignal) => Promise<CommandReceipt>;
  readonly settled: (outcome: QueuedOutcome) => void;
}

/** Commands that wait for the server. */
export interface Queue {
  /** How many wait, of whomever. */
  readonly length: number;
  /** Who was asking last, also in a former page; undefined if that is not known. */
  readonly lastIdentity: string | undefined;
  /** Adds a command of the user who is there. @throws {UnreachableError} if that was never known. */
  add(operation: Operation): Promise<CommandReceipt>;
  /** Sends what waits. Never rejects. */
  drain(): Promise<void>;
  /** This user is asking. */
  knows(identity: string): void;
  /** Forgets the commands of one user, who has signed out. */
  forget(identity: string): void;
  /** Sends nothing more. What waits stays in its storage. */
  stop(reason: AfterwriteError): void;
}

/** Makes the queue of a client: `queueIn()` of `@afterwrite/client/queue`. */
export type CreateQueue = (parts: QueueParts) => Queue;

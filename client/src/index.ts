export type {
  Afterwrite,
  AfterwriteOptions,
  CommandOptions,
  MutationOptions,
  RequestOptions,
} from './core/afterwrite.ts';
export { createAfterwrite } from './core/afterwrite.ts';
export type {
  Accepted,
  Answer,
  AnswerError,
  Consistency,
  Document,
  Operation,
  Typed,
  Variables,
} from './core/answer.ts';
export type { CommandReceipt, SendingOptions } from './core/command.ts';
export type { AccessToken, Auth } from './core/credentials.ts';
export { AfterwriteError, CommandError, RequestError, UnreachableError } from './core/errors.ts';
export type { CreateQueue, QueuedOutcome } from './core/queue.ts';
export type { Share } from './core/sharing.ts';
export type { StaleChange } from './core/stale.ts';
export type { TokenStorage } from './core/storage.ts';
export type { CreateSockets } from './streams/socket-transport.ts';
export type { Interruption, Sink } from './streams/stream.ts';

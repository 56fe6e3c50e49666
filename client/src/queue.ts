import type { CreateQueue } from './core/queue.ts';
import { CommandQueue } from './queue/command-queue.ts';
import type { QueueStorage } from './queue/stored-commands.ts';

export type { QueueStorage } from './queue/stored-commands.ts';

/** A queue of commands that wait for the server, for `createAfterwrite({ queue: queueIn(localStorage) })`. */
export const queueIn =
  (storage: QueueStorage): CreateQueue =>
  (parts) =>
    new CommandQueue(parts, storage);

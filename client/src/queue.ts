import type { CreateQueue } from './core/queue.ts';
import { attempt } from './core/storage.ts';
import { CommandQueue } from './queue/command-queue.ts';
import { PageStorage } from './queue/page-storage.ts';
import type { QueueStorage } from './queue/stored-commands.ts';

export type { QueueStorage } from './queue/stored-commands.ts';

/**
 * A queue of commands that wait for the server, for `createAfterwrite({ queue: queueIn() })`.
 * @param storage `localStorage` by default. If the browser forbids it, commands wait only as long as the page.
 */
export function queueIn(storage: QueueStorage = attempt(() => localStorage) ?? new PageStorage()): CreateQueue {
  return (parts) => new CommandQueue(parts, storage);
}

import { AfterwriteError, type CommandReceipt } from '@afterwrite/client';
import type { TypedDocumentNode } from '@apollo/client';
import { print } from 'graphql';
import { useSyncExternalStore } from 'react';
import { afterwrite } from './client.ts';

/** Commands of this page that have no answer yet. The queue may also have some of a former page. */
let unanswered = 0;
const listeners = new Set<() => void>();

function change(by: number): void {
  unanswered += by;
  for (const listener of listeners) listener();
}
afterwrite.onQueued(() => change(0));

/**
 * Sends a command as soon as the server can be reached, also after a reload, in order and at most once.
 * @throws {CommandError} if it is refused.
 */
export async function send<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<CommandReceipt> {
  change(1);
  return afterwrite.command(print(document), variables, { queue: true }).finally(() => change(-1));
}

/** How many commands wait for an answer. */
export function useWaiting(): number {
  return useSyncExternalStore(subscribe, () => Math.max(unanswered, afterwrite.queued));
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** True while the browser has a connection. */
export const useOnline = (): boolean => useSyncExternalStore(subscribeToConnection, () => navigator.onLine);

const subscribeToConnection = (listener: () => void) => {
  addEventListener('online', listener);
  addEventListener('offline', listener);
  return () => {
    removeEventListener('online', listener);
    removeEventListener('offline', listener);
  };
};

/** What went wrong, as a sentence for the person; undefined if they have signed out meanwhile. */
export function sentenceOf(error: unknown): string | undefined {
  if (error instanceof AfterwriteError && error.code === 'SIGNED_OUT') return undefined;
  return error instanceof Error ? error.message : String(error);
}

import { AfterwriteError } from '@afterwrite/client';
import type { TypedDocumentNode } from '@apollo/client';
import { print } from 'graphql';
import { useSyncExternalStore } from 'react';
import { announce } from '../parts/notices.tsx';
import { afterwrite } from './client.ts';

/** Commands of this page that have no answer yet. The queue may also have some of a former page. */
let unanswered = 0;
const listeners = new Set<() => void>();

function change(by: number): void {
  unanswered += by;
  for (const listener of listeners) listener();
}
// Also of a former page, which nobody else waits for.
afterwrite.onQueued(({ error }) => {
  if (error !== undefined) announce(sentenceOf(error));
  change(0);
});

/** Sends a command as soon as the server can be reached, also after a reload, in order and at most once. Says what fails. */
export function send<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): void {
  change(1);
  afterwrite
    .command(print(document), variables, { queue: true })
    // One that the queue has refused, for example because it is full, is told of here alone.
    .catch((error: unknown) => announce(sentenceOf(error)))
    .finally(() => change(-1));
}

/** How many commands wait for an answer. */
export function useWaiting(): number {
  return useSyncExternalStore(subscribe, () => Math.max(unanswered, afterwrite.queued));
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** What went wrong, as a sentence for the person; undefined if nothing did, or if they have signed out meanwhile. */
export function sentenceOf(error: unknown): string | undefined {
  if (error === undefined || (error instanceof AfterwriteError && error.code === 'SIGNED_OUT')) return undefined;
  return error instanceof Error ? error.message : String(error);
}

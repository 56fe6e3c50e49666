import { useSyncExternalStore } from 'react';
import { afterwrite } from './client.ts';

/** Attempts to reach the server that have failed, one after the other. */
let failures = 0;
const listeners = new Set<() => void>();

function count(failed: number): void {
  if (failures === failed) return;
  failures = failed;
  for (const listener of listeners) listener();
}
afterwrite.onInterrupted((change) => count(change.failures));

/** Call it with each message: one that was interrupted may have been left since, and another one was not. */
export const serverAnswered = (): void => count(0);

/** True while the server cannot be reached, although the browser has a connection. */
export const useServerAway = (): boolean =>
  // The first attempt fails at each restart of the server.
  useSyncExternalStore(subscribe, () => failures > 1);

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

import { vi } from 'vitest';

/** The window of a browser, as far as it tells of the connection. It counts who listens. The test ends it: `vi.unstubAllGlobals`. */
export function openWindow() {
  const window = new EventTarget();
  const listening = new Set<unknown>();
  vi.stubGlobal('addEventListener', (type: string, listener: EventListener) => {
    listening.add(listener);
    window.addEventListener(type, listener);
  });
  vi.stubGlobal('removeEventListener', (type: string, listener: EventListener) => {
    listening.delete(listener);
    window.removeEventListener(type, listener);
  });
  return { window, listening };
}

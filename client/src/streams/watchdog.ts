/** How often it looks within the time that a connection may be silent. */
const LOOKS = 3;

/** Notices that nothing arrives any more on a connection: one that breaks on its way is never closed. */
export interface Watchdog {
  /** Something has arrived. */
  heard(): void;
  end(): void;
}

/**
 * Counts looks, not time: after a device has slept, or a browser has held back the timers of a page, there is one look
 * before what has arrived meanwhile is read.
 * @param ms how long the connection may be silent.
 * @param dead is called once, if it was silent longer.
 */
export function watchdog(ms: number, dead: () => void): Watchdog {
  let silent = 0;
  const end = () => clearInterval(timer);
  const timer = setInterval(() => {
    if (++silent < LOOKS) return;
    end();
    dead();
  }, ms / LOOKS);
  return {
    end,
    heard: () => {
      silent = 0;
    },
  };
}

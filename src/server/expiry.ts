import { wallTime } from '../kernel/clock/wall-clock.ts';

/** The longest that a timer can run, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs something at a moment, however far away, without keeping the process alive for it. @returns a function that
 * cancels it.
 */
export function atMoment(moment: Date, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = Math.max(0, moment.getTime() - wallTime());
    timer = setTimeout(() => (left > MAX_TIMER_MS ? wait() : run()), Math.min(left, MAX_TIMER_MS));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}

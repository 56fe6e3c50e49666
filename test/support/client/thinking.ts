import { setTimeout as delay } from 'node:timers/promises';

/** Time that a client takes between two requests, in ms. */
const THINKING_MS = 25;

/**
 * A client's pause between two requests. Load that stands for other people's work needs requests in flight at every moment;
 * clients that never pause only take the CPU from what is tested.
 */
export const think = (): Promise<void> => delay(THINKING_MS);

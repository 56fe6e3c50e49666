import { Worker } from 'node:worker_threads';
import type { Attack } from '../attack.ts';

const THREADS = 2;

export const noContact: Attack = {
  name: 'no-contact',
  description: `computes on ${THREADS} threads and sends the server nothing: what sharing the machine alone costs`,
  run: async (attacker) => {
    const threads = Array.from({ length: THREADS }, () => new Worker('for (;;);', { eval: true }));
    await attacker.ended();
    await Promise.all(threads.map((thread) => thread.terminate()));
  },
};

import { setImmediate as nextLoop } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/scheduling/turns.ts';

const compute = (ms: number) => {
  for (const until = performance.now() + ms; performance.now() < until; );
};

it('one piece of work is done in a turn of the event loop, and callers take turns', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const work = async (caller: string, pieces: number) => {
    for (let piece = 1; piece <= pieces; piece++) {
      await turns.take(caller);
      done.push(`${caller}${piece}`);
    }
  };
  let loops = 0;
  let ended = false;
  const others = (async () => {
    while (!ended) {
      await nextLoop();
      loops++;
    }
  })();
  // The one who asks for much at once does not come before the one who asks for little.
  await Promise.all([...Array.from({ length: 5 }, () => work('many', 1)), work('one', 2)]);
  ended = true;
  await others;
  expect(done).toEqual(['many1', 'one1', 'many1', 'one2', 'many1', 'many1', 'many1']);
  expect(loops).toBeGreaterThanOrEqual(done.length - 1);
});

it('after a turn others have the event loop for as long as it took', async () => {
  const turns = new Turns();
  const began = performance.now();
  const [pieces, ms] = [5, 20];
  for (let piece = 0; piece < pieces; piece++) {
    await turns.take('somebody');
    compute(ms);
  }
  // A rest after each but the last. Timers count whole milliseconds.
  expect(performance.now() - began).toBeGreaterThanOrEqual(pieces * ms + (pieces - 1) * (ms - 1));
});

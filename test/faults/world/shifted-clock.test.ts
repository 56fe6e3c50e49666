import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { CLOCK_VARIABLE, type Clock } from './clock.ts';

const HOUR = 3_600_000;
const SHIFTED_CLOCK = new URL('./shifted-clock.ts', import.meta.url).href;
/** Tells the time in each way whenever it is asked. */
const TELLER = `setInterval(() => {}, 60_000);
process.on('message', (message) => {
  if (message === 'tell') process.send({
    now: Date.now(), made: new Date().getTime(), given: new Date(5).getTime(), isDate: new Date() instanceof Date,
    called: new Date(Date()).getTime(), elapsed: performance.now(),
  });
});`;

interface Told {
  readonly now: number;
  readonly made: number;
  readonly given: number;
  readonly isDate: boolean;
  readonly called: number;
  readonly elapsed: number;
}

async function startTeller(clock?: Clock) {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-clock-'));
  const file = join(folder, 'teller.mjs');
  await writeFile(file, TELLER);
  const child = fork(file, {
    execArgv: ['--import', SHIFTED_CLOCK],
    env: { ...process.env, ...(clock && { [CLOCK_VARIABLE]: JSON.stringify(clock) }) },
  });
  onTestFinished(async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  });
  return {
    setClock: (wrong: Clock) => child.send({ clock: wrong }),
    /** The time that it reports, and the times of this process before and after that. */
    tell: async () => {
      const before = Date.now();
      child.send('tell');
      const [told] = (await once(child, 'message')) as [Told];
      return { told, before, after: Date.now() };
    },
  };
}

function expectOff({ told, before, after }: { told: Told; before: number; after: number }, offsetMs: number): void {
  for (const time of [told.now, told.made]) {
    expect(time).toBeGreaterThanOrEqual(before + offsetMs);
    expect(time).toBeLessThanOrEqual(after + offsetMs);
  }
}

it('is the clock of the machine until it is told otherwise', async () => {
  const { tell } = await startTeller();
  const answer = await tell();
  expectOff(answer, 0);
  expect(answer.told).toMatchObject({ given: 5, isDate: true });
});

it('shifts what Date tells in each way, and leaves dates that are given and performance.now() alone', async () => {
  const { tell, setClock } = await startTeller({ offsetMs: -HOUR, drift: 0 });
  const first = await tell();
  expectOff(first, -HOUR);
  setClock({ offsetMs: HOUR, drift: 0 });
  const second = await tell();
  expectOff(second, HOUR);
  expect(second.told).toMatchObject({ given: 5, isDate: true });
  // Without milliseconds.
  expect(Math.abs(second.told.called - second.told.now)).toBeLessThanOrEqual(1000);
  const elapsed = second.told.elapsed - first.told.elapsed;
  expect(elapsed).toBeGreaterThan(0);
  expect(elapsed).toBeLessThanOrEqual(second.after - first.before + 1);
});

it('gains on the machine as long as it drifts', async () => {
  const { tell, setClock } = await startTeller();
  setClock({ offsetMs: 0, drift: 1000 });
  const first = await tell();
  const second = await tell();
  const gained = second.told.now - first.told.now;
  const elapsed = second.told.elapsed - first.told.elapsed;
  expect(Math.abs(gained - 1001 * elapsed)).toBeLessThanOrEqual(1001);
});

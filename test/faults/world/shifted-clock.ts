// Loaded into a server with --import: `Date` tells what the harness says, `performance.now()` is as ever.

import { CLOCK_VARIABLE, type Clock, type ClockMessage, RIGHT } from './clock.ts';

const RealDate = Date;
const given = process.env[CLOCK_VARIABLE];
let clock: Clock = given === undefined ? RIGHT : JSON.parse(given);
let since = performance.now();

function now(): number {
  return Math.floor(RealDate.now() + clock.offsetMs + clock.drift * (performance.now() - since));
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, words, maker) => Reflect.construct(target, words.length === 0 ? [now()] : words, maker),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});

process.on('message', (message: Partial<ClockMessage>) => {
  if (!message.clock) return;
  clock = message.clock;
  since = performance.now();
});
// The channel alone does not keep a server from ending.
process.channel?.unref();

import { setTimeout as delay } from 'node:timers/promises';
import { HttpClient } from '../support/client/http-client.ts';
import { Random } from '../support/random.ts';
import { check } from './checker/check.ts';
import type { Unmet } from './checker/evidence.ts';
import { Log } from './checker/log.ts';
import { Market } from './clients/commands.ts';
import { Shopper } from './clients/shopper.ts';
import { Watcher } from './clients/watcher.ts';
import { collectEvidence } from './collect.ts';
import type { Recorder } from './history.ts';
import type { Run } from './report.ts';
import type { Scene } from './schedule/fault.ts';
import type { FaultKind } from './schedule/faults.ts';
import { injectFaults, LONG_RUN_S } from './schedule/schedule.ts';
import { startWorld, type World } from './world/world.ts';

export interface DriveOptions {
  /** Where data and logs go. */
  readonly folder: string;
  /** How long faults come. */
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
  readonly instances: number;
  /** Commands that may wait in a server. */
  readonly queueLimit: number;
  /** The kinds of faults that may come. */
  readonly kinds: readonly FaultKind[];
  readonly say: (line: string) => void;
  /** Ends the run early, with everything that it has started. */
  readonly signal: AbortSignal;
}

const PRODUCTS = 6;
/** Orders that a client follows, at most. */
const FOLLOWED = 4;
/** One client in this many follows read models. */
const FOLLOWS_ALL = 4;
/** After the last fault everything is as it should be within this, or it is a violation. */
const QUIET_MS = 60_000;
const STOP_MS = 15_000;

/** Lets many clients work on a few servers while faults come, and judges what they were told. */
export async function drive(options: DriveOptions): Promise<Run> {
  const { signal, say } = options;
  const world = await startWorld(options);
  try {
    return await unlessAborted(driveOn(world, options), signal);
  } finally {
    await world.end(signal.aborted ? 0 : STOP_MS);
    say('all has ended');
  }
}

async function driveOn(world: World, options: DriveOptions): Promise<Run> {
  const { seconds, seed, clients, queueLimit, kinds, say, signal } = options;
  const random = new Random(seed);
  const began = performance.now();
  const clock = () => Math.round((performance.now() - began) * 1000) / 1000;
  const market = new Market();
  const { instances, postgres } = world;
  const stop = new AbortController();
  const giveUp = new AbortController();
  signal.addEventListener('abort', () => giveUp.abort());

  const people = Array.from({ length: clients }, (_, index) => {
    const watcher = new Watcher(`watcher-${index + 1}`, { random: random.fork(), places: instances, clock });
    const shopper = new Shopper({
      name: `shopper-${index + 1}`,
      random: random.fork(),
      market,
      places: instances,
      clock,
      onOrder: (id, token) => {
        if (watcher.size < FOLLOWED) watcher.watchOrder(id, token);
      },
    });
    return { shopper, watcher };
  });
  const merchant = (people[0] as (typeof people)[number]).shopper;
  for (let number = 0; number < PRODUCTS; number++) {
    const outcome = await merchant.issue(merchant.commands.registerProduct(), giveUp.signal);
    if (outcome?.is !== 'acknowledged') throw new Error('A product could not be registered before any fault came.');
    const { aggregateId } = outcome.receipt;
    // Some products are in plenty, others run out.
    const stocked = await merchant.issue(
      merchant.commands.receiveStockOf(aggregateId, number < 4 ? 100_000 : 20),
      giveUp.signal,
    );
    if (stocked?.is !== 'acknowledged') throw new Error('There is no stock before any fault came.');
    market.products.push(aggregateId);
    if (number > 0) continue;
    const all = people.filter((_, index) => index % FOLLOWS_ALL === 0);
    for (const { watcher } of all) watcher.watchProjections(['customers', 'orders', 'products'], outcome.receipt.token);
  }

  const lives = people.map(({ shopper }) => shopper.live(stop.signal, giveUp.signal));
  const recorders: Recorder[] = [];
  const from = clock();
  const over = AbortSignal.any([AbortSignal.timeout(seconds * 1000), signal]);
  const unmet: Unmet[] = [];
  const about = { world, clock, recorders, unmet, queueLimit, giveUp: giveUp.signal };
  const scene: Scene = { ...about, random: random.fork(), atEnd: [] };
  const schedule = { kinds, all: seconds >= LONG_RUN_S };
  const injected = await injectFaults(scene, schedule, over, say);
  stop.abort();
  const span = { from, to: clock() };

  say('no more faults: what is open is brought to an end');
  const patience = setTimeout(() => giveUp.abort(), QUIET_MS);
  await Promise.all(lives);
  clearTimeout(patience);
  await calm(world);
  await Promise.all(people.map(({ shopper }) => shopper.lookAtAll()));
  const told = () => ({ crashes: instances.flatMap((instance) => instance.crashes), unmet });
  const collect = () => postgres.as((sql) => collectEvidence(postgres.url.href, sql, told()));
  await awaitTheLastWord(people, new Log(await collect()));
  const histories = [...people.flatMap(({ shopper, watcher }) => [shopper.recorder, watcher.recorder]), ...recorders];
  await Promise.all(people.map(({ watcher }) => watcher.end()));
  const evidence = await collect();
  const violations = check(histories, evidence);
  return { seed, seconds, kinds, span, injected, histories, events: evidence.events.length, violations };
}

/**
 * Waits until all that orders set off is done, and every server serves and knows every read model at the end of the log, or that
 * takes too long.
 */
async function calm({ instances, postgres }: World): Promise<void> {
  const end = Date.now() + 2 * QUIET_MS;
  const isDone = async () => {
    const behind = await postgres.as(
      (sql) => sql`select projection from read.checkpoints where kind in ('process', 'effect')
                     and position < (select max(position) from es.events)`,
    );
    return behind.length === 0;
  };
  while (Date.now() < end && !(await isDone().catch(() => false))) await delay(50);
  for (const instance of instances) {
    const client = new HttpClient(() => instance.url);
    const isCalm = async () => {
      const { data } = await client.query<{ projections: { lag: number; state: string }[] } | null>(
        '{ projections { lag state } }',
        {},
        { signal: AbortSignal.timeout(2000) },
      );
      return data?.projections.every(({ lag, state }) => lag === 0 && state === 'RUNNING') ?? false;
    };
    while (Date.now() < end && !(await isCalm().catch(() => false))) await delay(50);
  }
}

/** Gives subscriptions the time to show the last state; whether they have is for the checker to say. */
async function awaitTheLastWord(people: readonly { readonly watcher: Watcher }[], log: Log): Promise<void> {
  const end = Date.now() + QUIET_MS / 3;
  const open = () => people.some(({ watcher }) => !watcher.hasSeen((stream) => log.versionOf(stream)));
  while (Date.now() < end && open()) await delay(50);
  // A message of a read model may still be on its way: it has no version to wait for.
  await delay(1000);
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const give = () => reject(new Error('interrupted'));
    if (signal.aborted) give();
    signal.addEventListener('abort', give, { once: true });
  });
  work.catch(() => undefined);
  return Promise.race([work, aborted]);
}

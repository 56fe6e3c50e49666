import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { accepted } from '../support/client/shop.ts';
import { staffToken } from '../support/client/tokens.ts';
import type { ProductionServer } from '../support/server/production-server.ts';
import { until } from '../support/until.ts';
import type { Attack } from './attack.ts';
import type { AttackerOrder, AttackerReport } from './attacker-process.ts';
import { Innocent, type Sample } from './innocent.ts';

/** Innocent clients, each with about 12 requests a second. */
const INNOCENTS = 4;
/** Time for the rest of an attack's work, in ms; beyond, something is stuck. */
const DRAIN_MS = 180_000;
const POLL_MS = 100;

export interface CampaignOptions {
  readonly server: ProductionServer;
  readonly seconds: number;
  readonly seed: number;
  /** Where to write CPU profiles of the server under each attack. */
  readonly profiles: string | undefined;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The effect of an attack on others, and the answers to it. */
export interface Result {
  readonly attack: Attack;
  readonly calm: readonly Sample[];
  readonly attacked: readonly Sample[];
  /** Complaints of innocent clients, the server or the attack itself. */
  readonly failures: readonly string[];
  readonly tally: Readonly<Record<string, number>>;
  readonly receivedBytes: number;
  /** Largest resident memory of the server meanwhile, in bytes. */
  readonly peakBytes: number;
  /** The longest that the event loop was kept, in ms of computing. */
  readonly longestBlockMs: number;
  /** From the end of the attack until read models and processes had nothing left to do, in ms. */
  readonly drainMs: number;
}

/** Lets innocent clients live, without and with an attack, and looks at the server afterwards. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #innocents: readonly Innocent[];

  private constructor(options: CampaignOptions, innocents: readonly Innocent[]) {
    this.#options = options;
    this.#innocents = innocents;
  }

  static async begin(options: CampaignOptions): Promise<Campaign> {
    const { server } = options;
    const staff = { token: await staffToken() };
    const product = { sku: 'TEAPOT-1', name: 'Teapot', price: { amount: 1999, currency: 'GBP' } };
    const { aggregateId: productId } = await accepted(server, 'registerProduct', product, staff);
    await accepted(server, 'receiveStock', { productId, quantity: 1_000_000 }, staff);
    const innocents = Array.from({ length: INNOCENTS }, () => new Innocent(server.url, productId));
    await Promise.all(innocents.map((innocent) => innocent.register()));
    const campaign = new Campaign(options, innocents);
    // Compiles what is hot and fills caches.
    await campaign.#live(3);
    await server.blocks();
    return campaign;
  }

  async try(attack: Attack): Promise<Result> {
    const { server, seconds, say } = this.#options;
    const failures: string[] = [];
    const child = await this.#prepare(attack);
    await this.#drained();
    const calm = await this.#live(seconds);
    await server.blocks();
    const memory = watchMemory(server);
    const ended = reportOf(child, 'ended');
    const profiled = await this.#profile(attack);
    child.send('begin' satisfies AttackerOrder);
    const attacked = await this.#live(seconds);
    await profiled();
    // It may have been interrupted.
    if (child.connected) child.send('end' satisfies AttackerOrder);
    const report = await ended;
    const began = performance.now();
    await this.#drained().catch((error: Error) => failures.push(`Something stands still: ${error.message}`));
    const drainMs = performance.now() - began;
    const peakBytes = memory();
    if (report.failure) failures.push(`The attack failed: ${report.failure}`);
    failures.push(...(await this.#complaints()));
    const blocks = server.unexpectedEnd ? [] : await server.blocks();
    const longestBlockMs = Math.max(0, ...blocks.map(({ cpuMs }) => cpuMs));
    say(`${attack.name}: ${failures.length === 0 ? 'held' : failures.slice(0, 3).join('\n  ')}`);
    const { tally, received: receivedBytes } = report;
    return { attack, calm, attacked, failures, tally, receivedBytes, peakBytes, longestBlockMs, drainMs };
  }

  async #live(seconds: number): Promise<readonly Sample[]> {
    const end = AbortSignal.any([AbortSignal.timeout(seconds * 1000), this.#options.signal]);
    return (await Promise.all(this.#innocents.map((innocent) => innocent.live(end)))).flat();
  }

  async #profile({ name }: Attack): Promise<() => Promise<void>> {
    const { server, profiles } = this.#options;
    if (profiles === undefined) return async () => {};
    const end = await server.profile();
    return async () => writeFile(join(profiles, `${name}.cpuprofile`), JSON.stringify(await end()));
  }

  async #prepare(attack: Attack): Promise<ChildProcess> {
    const { server, seed, signal } = this.#options;
    const program = fileURLToPath(new URL('./attacker-process.ts', import.meta.url));
    const child = fork(program, [attack.name, server.url, String(seed)], { stdio: 'inherit' });
    signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
    await reportOf(child, 'prepared');
    return child;
  }

  /** Resolves when every read model and process has reached the end of the log, and nothing is put aside. */
  async #drained(): Promise<void> {
    const { server } = this.#options;
    await until(
      async () => {
        if (server.unexpectedEnd) throw new Error(`the server ended: ${JSON.stringify(server.unexpectedEnd)}`);
        const metrics = await server.metrics();
        const behind = ['afterwrite_projection_lag_events', 'afterwrite_process_kind_lag_events'].flatMap((name) =>
          metrics.series(name).filter(({ value }) => value > 0),
        );
        if (behind.length > 0) throw new Error(`behind: ${JSON.stringify(behind)}`);
        return server.isReady();
      },
      { deadline: DRAIN_MS },
    );
  }

  async #complaints(): Promise<readonly string[]> {
    const { server } = this.#options;
    if (server.unexpectedEnd) return [`The server ended: ${JSON.stringify(server.unexpectedEnd)}`];
    await Promise.all(this.#innocents.map((innocent) => innocent.verify()));
    const complaints = this.#innocents.flatMap(({ failures }) => failures.splice(0));
    const metrics = await server.metrics();
    for (const name of ['afterwrite_projection_dead_letters', 'afterwrite_process_kind_failing', 'afterwrite_stalls']) {
      const bad = metrics.series(name).filter(({ value }) => value > 0);
      if (bad.length > 0) complaints.push(`${name}: ${JSON.stringify(bad)}`);
    }
    return complaints;
  }
}

function reportOf<Kind extends AttackerReport['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<AttackerReport, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (report: AttackerReport) => {
      if (report.kind === kind) resolve(report as Extract<AttackerReport, { kind: Kind }>);
    });
    child.once('exit', (code, signal) => reject(new Error(`The attacker ended with ${code ?? signal}.`)));
  });
}

/** Looks at the server's memory until it is asked for the largest value, in bytes. */
function watchMemory(server: ProductionServer): () => number {
  let peak = 0;
  const stop = new AbortController();
  const look = async () => {
    while (!stop.signal.aborted && !server.unexpectedEnd) {
      peak = Math.max(peak, server.residentBytes());
      await delay(POLL_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  void look();
  return () => {
    stop.abort();
    return peak;
  };
}

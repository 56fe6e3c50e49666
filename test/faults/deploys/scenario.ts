import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SignJWT } from 'jose';
import type { Sql } from 'postgres';
import { Tokens } from '../../../src/kernel/consistency/token.ts';
import { Random } from '../../support/random.ts';
import { bundle } from '../../support/server/bundle.ts';
import { until } from '../../support/until.ts';
import { Balancer } from './balancer.ts';
import { DeployClient, type Parcel } from './client.ts';
import { type Build, RunningBuild, START_DEADLINE_MS } from './running-build.ts';
import { DeployWatcher } from './watcher.ts';
import { Witness } from './witness.ts';

export interface DeploysOptions {
  /** An empty database, as its superuser. */
  readonly databaseUrl: string;
  /** The same. */
  readonly sql: Sql;
  /** Folder of the servers' logs. */
  readonly folder: string;
  readonly seed: number;
  /** How long each state lasts that is of interest, in ms. */
  readonly steadyMs: number;
  /** Number of clients that move parcels, and of those that write memos. */
  readonly clients: number;
  readonly say: (line: string) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

const AUTH_JWT_SECRET = 'a secret of these clients and of nothing else';
/** After the last deployment everything is as it should be within this, in ms. */
const QUIET_MS = 20_000;
/** A request that does not need what newer code has stored is answered within this in any state, in ms. */
const SOON_MS = 5000;

/**
 * Two builds of one application under load: B is deployed beside A, A is stopped, B is rolled back to A, and deployed again, after
 * which A is killed. Clients repeat nothing: what a server cannot do, the balancer asks another one, or the same one later.
 * @returns what must not have happened.
 */
export async function playDeploys(options: DeploysOptions): Promise<readonly string[]> {
  const program = await bundle('test/faults/deploys/app/serve.ts', join(options.folder, 'server'));
  // Work of newer code waits while older code serves alone, and then until the newer code has started.
  const balancer = await Balancer.open(options.steadyMs + START_DEADLINE_MS);
  const scenario = new DeployScenario(options, program, balancer);
  try {
    await scenario.play();
  } finally {
    await scenario.end();
  }
  return scenario.violations;
}

class DeployScenario {
  readonly #options: DeploysOptions;
  readonly #program: string;
  readonly #balancer: Balancer;
  readonly #witness = new Witness();
  readonly #running = new Map<Build, RunningBuild>();
  readonly #watchers: DeployWatcher[] = [];

  constructor(options: DeploysOptions, program: string, balancer: Balancer) {
    this.#options = options;
    this.#program = program;
    this.#balancer = balancer;
  }

  get violations(): readonly string[] {
    return this.#witness.violations;
  }

  async play(): Promise<void> {
    const { clients, seed, say } = this.#options;
    const random = new Random(seed);
    await this.#start('A');
    const movers = await Promise.all(
      Array.from({ length: clients }, async (_, nth) => {
        const credentials = await credentialsOf(`mover-${nth}`);
        const client = this.#client(credentials, random.fork());
        const parcel = await client.register();
        const watcher = new DeployWatcher(this.#balancer.url, credentials, parcel, this.#witness);
        this.#watchers.push(watcher);
        return { client, parcel, watcher };
      }),
    );
    const writers = await Promise.all(
      Array.from({ length: clients }, async (_, nth) =>
        this.#client(await credentialsOf(`writer-${nth}`), random.fork()),
      ),
    );
    const stop = new AbortController();
    const lives = [
      ...movers.map(({ client, parcel }) => client.keepMoving(parcel, stop.signal)),
      ...writers.map((client) => client.keepWriting(stop.signal)),
    ];
    await this.#steady('A serves');
    await this.#deploy('B', 'A', 'stopped');
    await this.#deploy('A', 'B', 'stopped');
    await this.#deploy('B', 'A', 'killed');
    stop.abort();
    await Promise.all(lives);
    await this.#settle(movers);
    const interruptions = this.#watchers.reduce((sum, watcher) => sum + watcher.interruptions, 0);
    say(
      `done: ${this.#witness.summary}; ${this.#balancer.repeated} requests repeated, ${interruptions} subscriptions resumed`,
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.#watchers.map((watcher) => watcher.end()));
    await Promise.all([...this.#running.values()].map((running) => running.stop()));
    await this.#balancer.close();
  }

  #client(credentials: string, random: Random): DeployClient {
    return new DeployClient({ url: this.#balancer.url, credentials, random, witness: this.#witness });
  }

  /** Starts one build beside the other, and ends the other one, in order or with SIGKILL, when it is ready. */
  async #deploy(next: Build, former: Build, how: 'stopped' | 'killed'): Promise<void> {
    await this.#start(next);
    await this.#steady(`${next} serves beside ${former}`);
    const running = this.#running.get(former) as RunningBuild;
    const code = await running.stop(how === 'killed' ? 0 : undefined);
    if (how === 'stopped' && code !== 0) this.#witness.violation(`build ${former} ended with ${code}`);
    this.#balancer.remove(running);
    this.#running.delete(former);
    await this.#steady(`${next} serves alone, ${former} was ${how}`);
  }

  async #start(build: Build): Promise<void> {
    const { databaseUrl, folder } = this.#options;
    const env = { DATABASE_URL: databaseUrl, AUTH_JWT_SECRET };
    const running = new RunningBuild(this.#program, build, env, join(folder, `build-${build.toLowerCase()}.log`));
    this.#running.set(build, running);
    await running.ready();
    this.#balancer.add(running);
  }

  /** Lets the clients work for a while. Those who do not depend on what only newer code knows must get on. */
  async #steady(what: string): Promise<void> {
    const { steadyMs, say, signal } = this.#options;
    this.#witness.forgetTimes();
    const before = this.#witness.done('memo');
    await delay(steadyMs, undefined, signal ? { signal } : {});
    const longest = Math.max(this.#witness.longestMs('memo'), this.#witness.longestMs('writeMemo'));
    if (this.#witness.done('memo') === before) this.#witness.violation(`nothing moves while ${what}`);
    if (longest > SOON_MS) this.#witness.violation(`a memo took ${Math.round(longest)} ms while ${what}`);
    say(`${this.#witness.now} s: ${what}; ${this.#witness.summary}; memos took at most ${Math.round(longest)} ms`);
  }

  /** Waits until everything that was set off is done, and judges what is left. */
  async #settle(movers: readonly { client: DeployClient; parcel: Parcel; watcher: DeployWatcher }[]): Promise<void> {
    const { sql } = this.#options;
    const behind = () => sql`select from read.checkpoints c join read.instances i on c.owner = i.id
                             where position < (select max(position) from es.events)`;
    await until(async () => (await behind()).length === 0, { deadline: QUIET_MS });
    const [store] = await sql<{ epoch: string }[]>`select epoch from es.store`;
    const tokens = new Tokens(store?.epoch ?? '');
    for (const { client, parcel, watcher } of movers) {
      const shown = await client.look(parcel);
      if (shown?.stamps !== parcel.moves) {
        this.#witness.violation(`lost: ${shown?.stamps} of ${parcel.moves} moves of a parcel were stamped`);
      }
      const [last] = await sql<{ version: number; position: number }[]>`
        select version, position from es.events where stream_type = 'Parcel' and stream_id = ${parcel.id}
        order by version desc limit 1`;
      const token = tokens.encode(last?.position ?? 0);
      await until(() => watcher.version === last?.version, { deadline: QUIET_MS }).catch(() =>
        this.#witness.violation(`missed: a live row was last shown in version ${watcher.version} of ${last?.version}`),
      );
      for (const { watcher: other } of movers) {
        await until(() => other.wasTold(parcel.id, token), { deadline: QUIET_MS }).catch(() =>
          this.#witness.violation('missed: nobody was told that a read model changed'),
        );
      }
    }
    const moves = movers.reduce((sum, { parcel }) => sum + parcel.moves, 0);
    const [first] = movers;
    const newest =
      movers
        .map(({ parcel }) => parcel.token)
        .toSorted()
        .at(-1) ?? '';
    const arrivals = await first?.client.arrivals(newest);
    if (arrivals !== moves) this.#witness.violation(`lost: ${arrivals} of ${moves} arrivals`);
    const parked =
      await sql`select event_type from read.parked_items union all select event_type from read.dead_letters`;
    if (parked.length > 0) this.#witness.violation(`parked: ${JSON.stringify(parked)}`);
  }
}

function credentialsOf(id: string): Promise<string> {
  const key = new TextEncoder().encode(AUTH_JWT_SECRET);
  return new SignJWT({ roles: ['staff'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setExpirationTime('1h')
    .sign(key);
}

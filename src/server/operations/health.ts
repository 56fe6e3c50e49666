import { sql } from 'drizzle-orm';
import { SILENT_AFTER_MS } from '../../database/client.ts';
import type { AfterwriteDatabase } from '../../database/database.ts';
import { rootOf } from '../../database/errors.ts';
import { engineHistory, migratedTo, newestOf } from '../../database/migrations/migration-history.ts';
import type { Engine } from '../../kernel/engine.ts';
import type { Stall } from '../../kernel/observe/stall.ts';
import type { LagState } from '../../kernel/read/status/lag.ts';
import { within } from '../../scheduling/timers.ts';
import type { TenantCounts } from '../tenants/tenant-registry.ts';
import { whyNotServed } from './why-not-served.ts';

/** The body of `/readyz`. Anybody may ask, so it names no user, no stream and no statement. */
export interface Readiness {
  readonly status: 'ready' | 'not ready';
  /** Why it is not ready; empty if it is. */
  readonly reasons: readonly string[];
  readonly projections?: readonly ProjectionHealth[];
  readonly appendQueue?: AppendQueueHealth;
  /** How far the proof of the log is, if this server has a key to sign heads with. What is wrong with it does not make it unready. */
  readonly audit?: AuditHealth;
  /** How many tenants are open, if each has a database of its own. None of them keeps the server from being ready. */
  readonly tenants?: TenantCounts;
}

interface ProjectionHealth {
  readonly name: string;
  readonly state: string;
  readonly lagState: LagState;
  readonly lag: number;
  readonly lagMs: number;
  readonly stall: StallHealth | null;
}

interface AppendQueueHealth {
  /** Number of waiting appends. */
  readonly depth: number;
  readonly limit: number;
  readonly oldestWaitMs: number;
  readonly stall: StallHealth | null;
}

interface AuditHealth {
  /** The newest signed head; null if there is none. */
  readonly head: { readonly position: number; readonly signedAt: Date; readonly ageMs: number } | null;
  /** Heads that the witness has not taken yet; null if there is none. */
  readonly unwitnessed: number | null;
  /** When signing or the witness failed last; null if it has succeeded since. The log has the reason. */
  readonly failedAt: Date | null;
}

interface StallHealth {
  readonly since: Date;
  readonly waitingFor: string | null;
  readonly position: number | null;
  /** Process ids of Postgres backends. */
  readonly blockedBy: readonly (number | null)[];
}

/** The store of a server, or how many tenants have one that is open. */
export interface Served {
  readonly one: ServedParts | undefined;
  readonly tenants: TenantCounts | undefined;
}

interface ServedParts {
  readonly engine: Engine;
  readonly database: Pick<AfterwriteDatabase, 'watch' | 'replica' | (typeof WORKING)[number][0]>;
}

/** The pools that do the work. */
const WORKING = [
  ['writer', 'appending'],
  ['projector', 'projecting'],
  ['reader', 'reading'],
  ['leases', 'leases'],
] as const;

/** How long the database may take to answer, in ms. */
const ANSWER_WITHIN_MS = 1000;
/** How long its answer is cached, in ms: many probes cost no more than one. */
const CACHE_MS = 1000;

/** Whether this server can do its work. */
export class Health {
  readonly #notReady: () => string | undefined;
  readonly #newestMigration = newestOf(engineHistory);
  #served: Served | undefined;
  #database: { readonly at: number; readonly reasons: Promise<readonly string[]> } | undefined;

  /** @param notReady returns why no requests are accepted; undefined if they are. */
  constructor(notReady: () => string | undefined) {
    this.#notReady = notReady;
  }

  /** Reports the state of these parts from now on. */
  serve(served: Served): void {
    this.#served = served;
  }

  /** Never throws, and answers within about a second. */
  async readiness(): Promise<Readiness> {
    const reasons = [this.#notReady()].filter((reason) => reason !== undefined);
    const { one: served, tenants } = this.#served ?? {};
    // The database of one tenant says nothing about those of the others.
    if (tenants) return { status: reasons.length === 0 ? 'ready' : 'not ready', reasons, tenants };
    if (!served) return { status: 'not ready', reasons };
    if (reasons.length === 0) reasons.push(...(await this.#askDatabase(served)), ...silentPools(served));
    const { engine } = served;
    const projections = engine.projector.status();
    reasons.push(...projections.flatMap((status) => whyNotServed(status) ?? []));
    const arriving = engine.readSide.arriving();
    if (arriving.length > 0) {
      reasons.push(
        `The replica that queries read from does not have all of these read models yet: ${arriving.join(', ')}.`,
      );
    }
    reasons.push(...engine.obstacles.reasons);
    const { stalls } = engine.watch;
    const { depth, limit, oldestWaitMs } = engine.queue;
    return {
      status: reasons.length === 0 ? 'ready' : 'not ready',
      reasons,
      projections: projections.map(({ name, state, lagState, lag, lagMs }) => ({
        name,
        state,
        lagState,
        lag,
        lagMs,
        stall: stallOf(stalls.get(name)),
      })),
      appendQueue: { depth, limit, oldestWaitMs, stall: stallOf(stalls.get('append')) },
      ...auditOf(engine),
    };
  }

  #askDatabase({ database: { watch, replica } }: ServedParts): Promise<readonly string[]> {
    if (this.#database && performance.now() - this.#database.at < CACHE_MS) return this.#database.reasons;
    const asked = [
      problemOf('The database', async () => {
        // A database with more migrations than this code knows belongs to a newer version; this one keeps working
        // beside it until it is stopped.
        if ((await migratedTo(watch.db, engineHistory)) >= this.#newestMigration) return undefined;
        return 'The database lacks migrations of this version: it was restored or replaced. Start the server again.';
      }),
      replica &&
        problemOf('The replica that queries read from', async () => {
          await replica.db.execute(sql`select 1`);
          return undefined;
        }),
    ];
    const reasons = Promise.all(asked).then((found) => found.filter((reason) => reason !== undefined));
    this.#database = { at: performance.now(), reasons };
    return reasons;
  }
}

/** One connection that is answered says nothing about the others. */
function silentPools({ database }: ServedParts): string[] {
  return WORKING.flatMap(([name, purpose]) => {
    const silentMs = database[name].silentMs();
    if (silentMs < SILENT_AFTER_MS) return [];
    return [`The connections for ${purpose} have not been answered for ${Math.round(silentMs / 1000)} s.`];
  });
}

async function problemOf(who: string, ask: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await within(ANSWER_WITHIN_MS, ask(), () => `${who} does not answer within ${ANSWER_WITHIN_MS} ms.`);
  } catch (error) {
    // The driver's message would name host and user.
    return `${who} cannot be used (${rootOf(error).code || 'no connection'}).`;
  }
}

function auditOf({ audit: { signing }, clock }: Engine): Pick<Readiness, 'audit'> {
  if (!signing) return {};
  const { position, signedAt, unwitnessed = null, failure } = signing;
  const head =
    signedAt === undefined ? null : { position, signedAt: new Date(signedAt), ageMs: clock.now() - signedAt };
  return { audit: { head, unwitnessed, failedAt: failure ? new Date(failure.at) : null } };
}

function stallOf(stall: Stall | undefined): StallHealth | null {
  if (!stall) return null;
  const { since, waitingFor, event, blockers } = stall;
  return { since, waitingFor, position: event?.position ?? null, blockedBy: blockers.map(({ pid }) => pid) };
}

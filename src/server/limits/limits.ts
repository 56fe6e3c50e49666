import { type Actor, callerKey } from '../../kernel/define/access/actor.ts';
import type { Config } from '../../settings/config.ts';
import { Concurrency, type Release, takeAll } from './concurrency.ts';
import { type Limit, OverLimitError } from './over-limit.ts';
import { Rate } from './rate.ts';
import type { SharedCounts } from './shared-counts.ts';

/** The settings for the limits of one caller. */
export type LimitSettings = Pick<
  Config,
  | 'requestsPerAddress'
  | 'operationsPerActor'
  | 'badCredentialsPerAddress'
  | 'concurrentOperationsPerActor'
  | 'concurrentOperationsPerAddress'
  | 'subscriptionsPerActor'
  | 'subscriptionsPerAddress'
  | 'eventStreamsPerAddress'
  | 'socketsPerAddress'
  | 'connectionsPerAddress'
  | 'slowBodiesPerAddress'
>;

/** The owner of an operation, for counting limits. */
export interface Spender {
  readonly address: string;
  /** Null for an anonymous caller, who is only known by address. */
  readonly actor: Actor | null;
}

/** All limits on one actor and one address, over all transports. Each is counted separately, and each may be off. */
export class CallerLimits {
  readonly #requests: Rate;
  readonly #badCredentials: Rate;
  readonly #points: Rate;
  readonly #actorOperations: Concurrency;
  readonly #addressOperations: Concurrency;
  readonly #actorSubscriptions: Concurrency;
  readonly #addressSubscriptions: Concurrency;
  readonly #eventStreams: Concurrency;
  readonly #sockets: Concurrency;
  readonly #connections: Concurrency;
  readonly #slowBodies: Concurrency;

  constructor(settings: LimitSettings, shared?: SharedCounts) {
    const rate = (limit: Limit, points: number, what: string) =>
      new Rate({ limit, points, reason: `${what} in ten seconds.`, shared });
    const most = (limit: Limit, count: number, what: string) => new Concurrency(limit, count, `${what} at once.`);
    this.#requests = rate('address_requests', settings.requestsPerAddress, 'Your address has sent too many requests');
    this.#badCredentials = rate(
      'address_bad_credentials',
      settings.badCredentialsPerAddress,
      'Your address has sent too many access tokens that were refused',
    );
    this.#points = rate('actor_points', settings.operationsPerActor, 'You have run too many operations');
    this.#actorOperations = most(
      'actor_operations',
      settings.concurrentOperationsPerActor,
      'You have too many operations in progress',
    );
    this.#addressOperations = most(
      'address_operations',
      settings.concurrentOperationsPerAddress,
      'Your address has too many operations in progress',
    );
    this.#actorSubscriptions = most(
      'actor_subscriptions',
      settings.subscriptionsPerActor,
      'You hold too many subscriptions',
    );
    this.#addressSubscriptions = most(
      'address_subscriptions',
      settings.subscriptionsPerAddress,
      'Your address holds too many subscriptions',
    );
    this.#eventStreams = most(
      'address_event_streams',
      settings.eventStreamsPerAddress,
      'Your address holds too many event streams',
    );
    this.#sockets = most('address_sockets', settings.socketsPerAddress, 'Your address holds too many WebSockets');
    this.#connections = most(
      'address_connections',
      settings.connectionsPerAddress,
      'Your address holds too many connections',
    );
    this.#slowBodies = most(
      'address_slow_bodies',
      settings.slowBodiesPerAddress,
      'Your address sends too many requests slowly',
    );
  }

  /** Counts a request, or a WebSocket that is opened. @returns undefined if that is done at once. @throws {OverLimitError} */
  request(address: string): Promise<void> | undefined {
    return this.#requests.spend(address);
  }

  /** Refuses to check another access token of an address that has sent many bad ones. @throws {OverLimitError} */
  mayAuthenticate(address: string): void {
    this.#badCredentials.check(address);
  }

  /** Counts an access token that was refused. */
  async badCredentials(address: string): Promise<void> {
    try {
      await this.#badCredentials.spend(address);
    } catch (error) {
      // The caller is refused anyway, because of the token.
      if (!(error instanceof OverLimitError)) throw error;
    }
  }

  /** Counts what an operation costs. @returns undefined if that is done at once. @throws {OverLimitError} */
  spend({ actor, address }: Spender, points: number): Promise<void> | undefined {
    return this.#points.spend(callerKey(actor, address), points);
  }

  /** Refuses an actor who has spent more than their points since the operation was admitted. @throws {OverLimitError} */
  mayBegin({ actor, address }: Spender): void {
    this.#points.check(callerKey(actor, address), 0);
  }

  /** A query or mutation begins. @throws {OverLimitError} */
  operation({ actor, address }: Spender): Release {
    return takeAll(
      () => this.#actorOperations.take(actorKey(actor)),
      () => this.#addressOperations.take(address),
    );
  }

  /** A subscription begins. @throws {OverLimitError} */
  subscription({ actor, address }: Spender): Release {
    return takeAll(
      () => this.#actorSubscriptions.take(actorKey(actor)),
      () => this.#addressSubscriptions.take(address),
    );
  }

  /** @throws {OverLimitError} */
  eventStream(address: string): Release {
    return this.#eventStreams.take(address);
  }

  /** @throws {OverLimitError} */
  socket(address: string): Release {
    return this.#sockets.take(address);
  }

  /** @param peer undefined for a trusted proxy. @throws {OverLimitError} */
  connection(peer: string | undefined): Release {
    return this.#connections.take(peer);
  }

  /** @throws {OverLimitError} */
  slowBody(address: string): Release {
    return this.#slowBodies.take(address);
  }
}

/** Undefined for an anonymous caller, who is limited by address alone. */
function actorKey(actor: Actor | null): string | undefined {
  return actor ? callerKey(actor) : undefined;
}

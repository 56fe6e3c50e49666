import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Parcel } from './client.ts';
import type { Witness } from './witness.ts';

/** Pause before a subscription that has ended is begun again, in ms, unless an error names another. */
const AGAIN_MS = 50;

const PARCEL_UPDATED =
  'subscription ($id: ID!, $after: ConsistencyToken) { parcelUpdated(id: $id, after: $after) { moves version } }';
const PROJECTION_UPDATED = `subscription ($after: ConsistencyToken) {
  projectionUpdated(projections: ["parcels"], after: $after) { keys token }
}`;

interface Message {
  readonly data?: {
    readonly parcelUpdated?: { readonly moves: number; readonly version: number };
    readonly projectionUpdated?: { readonly keys: readonly string[] | null; readonly token: string };
  } | null;
  readonly errors?: readonly { readonly extensions?: { readonly retryAfterMs?: number } }[];
  readonly extensions?: { readonly consistency?: { readonly token: string } };
}

/**
 * Follows a parcel as a live row, and all parcels by the changes of their read model. When a connection ends, it
 * subscribes again from its last position, at whichever server the balancer chooses.
 */
export class DeployWatcher {
  readonly #client: Client;
  readonly #witness: Witness;
  readonly #ended = new AbortController();
  readonly #following: Promise<void>[];
  /** The newest token of a message that a row has changed, by the row's key. */
  readonly #announced = new Map<string, string>();
  /** The same for messages that any row may have changed. */
  #anyAnnounced = '';
  #shown = 0;
  #interruptions = 0;

  constructor(url: string, credentials: string, parcel: Parcel, witness: Witness) {
    this.#witness = witness;
    this.#client = createClient({
      url: `${url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: `Bearer ${credentials}` },
      onNonLazyError: () => {},
    });
    const row = (after: string) => this.#iterate(PARCEL_UPDATED, { id: parcel.id, after });
    const moves = (after: string) => this.#iterate(PROJECTION_UPDATED, { after });
    this.#following = [
      this.#follow(parcel.token, row, (message) => this.#showRow(message)),
      this.#follow(parcel.token, moves, (message) => this.#showMoves(message)),
    ];
  }

  /** How often a subscription ended and was begun again. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** The version of the parcel that it was last shown. */
  get version(): number {
    return this.#shown;
  }

  /** True if it was told of a change of this row at or after a token. */
  wasTold(key: string, token: string): boolean {
    const newest = this.#announced.get(key) ?? '';
    return newest >= token || this.#anyAnnounced >= token;
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.resolve(this.#client.dispose()).catch(() => undefined);
    await Promise.all(this.#following);
  }

  /** @param show handles a message. Returns the token from which to go on, undefined if the message is an error. */
  async #follow(
    from: string,
    begin: (after: string) => AsyncIterable<Message>,
    show: (message: Message) => string | undefined,
  ): Promise<void> {
    const { signal } = this.#ended;
    for (let after = from; !signal.aborted; ) {
      let pauseMs = AGAIN_MS;
      try {
        for await (const message of begin(after)) {
          const next = show(message);
          if (next === undefined) {
            pauseMs = message.errors?.[0]?.extensions?.retryAfterMs ?? AGAIN_MS;
            break;
          }
          after = next;
        }
      } catch {
        // The connection has ended.
      }
      if (!signal.aborted) this.#interruptions++;
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #showRow({ data, extensions }: Message): string | undefined {
    const row = data?.parcelUpdated;
    if (!row) return undefined;
    if (row.version < this.#shown) {
      this.#witness.violation(`back in time: a live row of version ${row.version} after ${this.#shown}`);
    }
    this.#shown = row.version;
    return extensions?.consistency?.token;
  }

  #showMoves({ data }: Message): string | undefined {
    const moved = data?.projectionUpdated;
    if (!moved) return undefined;
    const { keys, token } = moved;
    if (keys === null) this.#anyAnnounced = later(this.#anyAnnounced, token);
    for (const key of keys ?? []) this.#announced.set(key, later(this.#announced.get(key) ?? '', token));
    return token;
  }

  #iterate(query: string, variables: Record<string, unknown>): AsyncIterable<Message> {
    return this.#client.iterate({ query, variables }) as AsyncIterable<Message>;
  }
}

/** Tokens of one store compare as texts. */
function later(a: string, b: string): string {
  return a > b ? a : b;
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpClient } from '../../../src/testing/clients/http-client.ts';
import type { Random } from '../../support/random.ts';
import type { Witness } from './witness.ts';

/** Depots that parcels are moved between. */
const DEPOTS = ['north', 'south', 'east', 'west'];
/** Time between two actions of a client, in ms at most. */
const THINK_MS = 60;

/** A parcel as its client knows it: nobody else moves or labels it. */
export interface Parcel {
  readonly id: string;
  label: string;
  moves: number;
  /** The version of its stream that was last seen, or written. */
  version: number;
  /** The newest token that covers it. */
  token: string;
}

export interface ClientParts {
  readonly url: string;
  /** Its access token. */
  readonly credentials: string;
  readonly random: Random;
  readonly witness: Witness;
}

interface ParcelShown {
  readonly label: string;
  readonly moves: number;
  readonly stamps: number;
  readonly version: number;
}

const READ_PARCEL = 'query ($id: ID!) { parcel(id: $id) { label moves stamps version } }';
const READ_MEMO = 'query ($id: ID!) { memo(id: $id) { text } }';

/** A client that writes, and reads with the tokens of what it has written and read. It repeats nothing: the balancer does. */
export class DeployClient {
  readonly #http: HttpClient;
  readonly #random: Random;
  readonly #witness: Witness;

  constructor({ url, credentials, random, witness }: ClientParts) {
    const inputTypeOf = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
    this.#http = new HttpClient(() => url, { inputTypeOf, token: async () => credentials });
    this.#random = random;
    this.#witness = witness;
  }

  async register(): Promise<Parcel> {
    const id = randomUUID();
    const receipt = await this.#write('registerParcel', { id, label: 'new' });
    if (!receipt) throw new Error('A parcel could not be registered before anything was deployed.');
    return { id, label: 'new', moves: 0, ...receipt };
  }

  /** Changes a parcel and reads it, until it is told to stop. */
  async keepMoving(parcel: Parcel, stop: AbortSignal): Promise<void> {
    const { id: parcelId } = parcel;
    for (let nth = 0; !stop.aborted; nth++) {
      const isMove = this.#random.chance(0.5);
      const label = isMove ? parcel.label : `label ${nth}`;
      const receipt = isMove
        ? await this.#write('moveParcel', { parcelId, depot: this.#random.pick(DEPOTS) })
        : await this.#write('relabelParcel', { parcelId, label });
      if (receipt) Object.assign(parcel, receipt, { label, moves: parcel.moves + (isMove ? 1 : 0) });
      await this.look(parcel);
      await delay(this.#random.between(0, THINK_MS));
    }
  }

  /** Reads a parcel with its token: it must have everything that was written, and nothing may be older than what was seen. */
  async look(parcel: Parcel): Promise<ParcelShown | undefined> {
    const { id, token } = parcel;
    const answer = await this.#read<{ parcel: ParcelShown | null }>('parcel', READ_PARCEL, { id }, token);
    if (!answer) return undefined;
    const { parcel: shown } = answer.data;
    const { label, moves, version } = parcel;
    const isStale = !shown || shown.version < version || shown.label !== label || shown.moves !== moves;
    if (isStale) {
      this.#witness.violation(
        `stale: ${JSON.stringify(shown)} instead of ${JSON.stringify({ label, moves, version })}`,
      );
    } else {
      Object.assign(parcel, { version: shown.version, token: answer.consistency.token });
    }
    return shown ?? undefined;
  }

  /** Writes memos and reads them, until it is told to stop. */
  async keepWriting(stop: AbortSignal): Promise<void> {
    const id = randomUUID();
    for (let nth = 0; !stop.aborted; nth++) {
      const text = `memo ${nth}`;
      const receipt = await this.#write('writeMemo', { id, text });
      if (receipt) {
        const answer = await this.#read<{ memo: { text: string } | null }>('memo', READ_MEMO, { id }, receipt.token);
        const shown = answer?.data.memo?.text;
        if (answer && shown !== text)
          this.#witness.violation(`stale: memo ${JSON.stringify(shown)} instead of ${text}`);
      }
      await delay(this.#random.between(0, THINK_MS));
    }
  }

  /** The number of arrivals in all depots, after a token. */
  async arrivals(token: string): Promise<number> {
    const query = '{ depots(first: 50) { nodes { arrivals } } }';
    const answer = await this.#read<{ depots: { nodes: { arrivals: number }[] } }>('depots', query, {}, token);
    return (answer?.data.depots.nodes ?? []).reduce((sum, { arrivals }) => sum + arrivals, 0);
  }

  async #write(name: string, input: object): Promise<{ version: number; token: string } | undefined> {
    const commandId = randomUUID();
    const answer = await this.#witness.timed(name, () => this.#http.tryCommand(name, input, { commandId }));
    const told = answer.data?.[name];
    if (told?.__typename === 'CommandReceipt') return { version: told.version, token: told.token };
    this.#witness.violation(`failed: ${name} was answered ${answer.status} ${answer.text}`);
    return undefined;
  }

  async #read<Data>(kind: string, query: string, variables: Readonly<Record<string, unknown>>, readAfter: string) {
    const answer = await this.#witness.timed(kind, () => this.#http.query<Data>(query, variables, { readAfter }));
    if (!answer.errors && answer.data) return answer;
    this.#witness.violation(`failed: reading ${kind} was answered ${answer.status} ${answer.text}`);
    return undefined;
  }
}

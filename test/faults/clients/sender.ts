import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, type CommandAnswer, HttpClient } from '../../support/client/http-client.ts';
import type { Random } from '../../support/random.ts';
import type { Recorder } from '../history.ts';
import type { Command } from './commands.ts';

/** A server as clients know it. */
export interface Place {
  readonly name: string;
  readonly url: string;
}

/** How an attempt ended. */
export type Outcome =
  | { readonly is: 'acknowledged'; readonly receipt: CommandAnswer; readonly answer: Answer<unknown> }
  | { readonly is: 'refused'; readonly answer: Answer<unknown> }
  | { readonly is: 'later'; readonly waitMs: number };

/** No answer within this is none: what was sent may still happen. */
const PATIENCE_MS = 3000;
const LONGEST_PAUSE_MS = 1000;

/**
 * Sends commands as a careful client does: after an error, a lost answer or none at all it sends the command again with the
 * same id, to whichever server, until it is told what became of it.
 */
export class Sender {
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #places: readonly Place[];
  readonly #clients: ReadonlyMap<string, HttpClient>;

  constructor(recorder: Recorder, random: Random, places: readonly Place[]) {
    this.#recorder = recorder;
    this.#random = random;
    this.#places = places;
    this.#clients = new Map(places.map((place) => [place.name, new HttpClient(() => place.url)]));
  }

  /**
   * Sends it until there is an answer that settles it; undefined where `signal` says to give up before. Then it stays
   * unknown.
   */
  async settle(
    command: Command,
    { first, query, signal }: { first?: Place; query?: string; signal: AbortSignal },
  ): Promise<Exclude<Outcome, { is: 'later' }> | undefined> {
    for (let tries = 0; !signal.aborted; tries++) {
      const place = (tries === 0 ? first : undefined) ?? this.#random.pick(this.#places);
      const outcome = await this.attempt(command, place, query);
      if (outcome.is !== 'later') return outcome;
      await delay(Math.min(LONGEST_PAUSE_MS, outcome.waitMs * 2 ** Math.min(tries, 5)), undefined, { signal }).catch(
        () => undefined,
      );
    }
    return undefined;
  }

  /** Sends it once and writes down how that ended. Never throws. */
  async attempt(command: Command, place: Place, query?: string): Promise<Outcome> {
    const { commandId, name, input, stream, event } = command;
    const attempt = this.#recorder.nextAttempt();
    const about = { attempt, commandId };
    this.#recorder.add({ is: 'sent', ...about, command: name, stream, event, instance: place.name });
    const unknown = (reason: string): Outcome => {
      this.#recorder.add({ is: 'unknown', ...about, reason });
      return { is: 'later', waitMs: 50 };
    };
    try {
      const answer = await this.client(place).tryCommand(name, input, {
        commandId,
        ...(query === undefined ? {} : { query }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const told = answer.data?.[name];
      if (told?.__typename === 'CommandReceipt') {
        const { aggregateId, version, token, replayed } = told;
        this.#recorder.add({ is: 'acknowledged', ...about, aggregateId, version, token, replayed });
        return { is: 'acknowledged', receipt: told, answer };
      }
      if (told) {
        this.#recorder.add({ is: 'refused', ...about, type: told.__typename, code: told.code });
        return { is: 'refused', answer };
      }
      if (answer.code === 'THROTTLED') {
        this.#recorder.add({ is: 'refused', ...about, type: 'THROTTLED', code: 'THROTTLED' });
        return { is: 'later', waitMs: Number(answer.errors?.[0]?.extensions.retryAfterMs ?? 100) };
      }
      // Whatever else it is, it does not say that nothing has happened.
      return unknown(answer.code ?? `HTTP ${answer.status}`);
    } catch (error) {
      return unknown(reasonOf(error));
    }
  }

  client(place: Place): HttpClient {
    return this.#clients.get(place.name) as HttpClient;
  }
}

/** Why a request was not answered, in a word. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}

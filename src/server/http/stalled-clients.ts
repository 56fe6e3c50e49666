import type { ServerResponse } from 'node:http';
import { Roster, type RosterMember } from '../../database/roster.ts';
import { every, type Timer } from '../../scheduling/timers.ts';
import type { Visit } from '../limits/visit.ts';

/** Number of checks within the time that a client is given. */
const CHECKS_IN_TIME = 3;

interface WatchedClient extends RosterMember {
  readonly response: ServerResponse;
  readonly visit: Pick<Visit, 'refused'>;
  /** Bytes that the client had read at the last check; undefined if nothing waited for it. */
  taken: number | undefined;
  /** Checks since it has read anything. */
  checks: number;
}

/**
 * Disconnects clients that do not read their answers, which would otherwise stay in memory indefinitely. A slow client
 * reads something between two checks.
 */
export class StalledClients {
  readonly #open = new Roster<WatchedClient>();
  readonly #checkEveryMs: number;
  readonly #maxBufferedBytes: number;
  #timer: Timer | undefined;

  /** @param timeoutMs in which a client must read something. @param maxBufferedBytes that may wait for one client. */
  constructor(timeoutMs: number, maxBufferedBytes: number) {
    this.#checkEveryMs = Math.ceil(timeoutMs / CHECKS_IN_TIME);
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Watches an answer until it is sent. */
  watch(response: ServerResponse, visit: Pick<Visit, 'refused'>): void {
    const watched: WatchedClient = { place: -1, response, visit, taken: undefined, checks: 0 };
    this.#open.add(watched);
    this.#timer ??= every(this.#checkEveryMs, () => this.#check());
    response.once('close', () => this.#open.remove(watched));
  }

  #check(): void {
    for (const watched of this.#open.all()) {
      const { response } = watched;
      const { socket } = response;
      const waits = socket?.writableLength ?? 0;
      if (!socket || waits === 0) {
        watched.taken = undefined;
        continue;
      }
      const taken = socket.bytesWritten - waits;
      watched.checks = taken === watched.taken ? watched.checks + 1 : 0;
      watched.taken = taken;
      const isTooMuch = waits > this.#maxBufferedBytes && watched.checks > 0;
      if (!isTooMuch && watched.checks < CHECKS_IN_TIME) continue;
      watched.visit.refused({ limit: isTooMuch ? 'buffered_bytes' : 'stalled_client' });
      response.destroy();
    }
    if (this.#open.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

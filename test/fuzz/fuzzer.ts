import { Agent, type IncomingMessage, request } from 'node:http';
import type { ProductionServer } from '../support/server/production-server.ts';
import type { LoopBlock } from '../support/server/watch-loop.ts';
import { type FuzzAnswer, judge } from './judge.ts';
import type { FuzzRequest, Requests } from './requests.ts';

const CONCURRENCY = 4;
/** Requests between two looks at the event loop, so that a block leads to few suspects. */
const ROUND = 100;
/** A stream is left after its first message, or after this long without one, in ms. */
const STREAM_MS = 250;
const ANSWER_MS = 60_000;
/** Number of attempts in which a suspect runs alone. It must block the event loop in more than half of them. */
const TRIES = 3;
/** How much caches and pools may grow between the middle and the end of a run, in bytes. */
const HEAP_GROWTH = 24 * 1024 * 1024;

interface Sent {
  readonly request: FuzzRequest;
  /** By `Date.now()`. */
  readonly from: number;
  readonly to: number;
}

/** Sends requests, a few at a time, and collects what the server did wrong. */
export class Fuzzer {
  readonly #server: ProductionServer;
  readonly #requests: Requests;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY * 2 });
  readonly #failures: string[] = [];
  readonly #statuses = new Map<number, number>();
  /** Answers with data: those of operations that were executed. */
  #executed = 0;
  #sent = 0;
  #heapGrowth = 0;
  #worst = 0;

  constructor(server: ProductionServer, requests: Requests) {
    this.#server = server;
    this.#requests = requests;
  }

  /** @returns what went wrong, a paragraph each. */
  async run(operations: number, say: (line: string) => void): Promise<readonly string[]> {
    let heapInTheMiddle = 0;
    await this.#server.blocks();
    while (this.#sent < operations && this.#failures.length < 20 && !this.#server.unexpectedEnd) {
      const round = Array.from({ length: Math.min(ROUND, operations - this.#sent) }, () => this.#requests.next());
      const sent = await this.#sendAll(round);
      for (const block of await this.#server.blocks()) await this.#findCulprit(block, sent);
      this.#sent += round.length;
      if (heapInTheMiddle === 0 && this.#sent >= operations / 2) heapInTheMiddle = await this.#server.heapBytes();
      if (this.#sent % 2_000 < ROUND) say(`${this.#sent} operations, ${this.#failures.length} failures`);
    }
    const { unexpectedEnd } = this.#server;
    if (unexpectedEnd) this.#failures.push(`The server ended: ${JSON.stringify(unexpectedEnd)}`);
    else await this.#judgeTheEnd(heapInTheMiddle);
    this.#agent.destroy();
    return this.#failures;
  }

  summary(): string {
    const statuses = [...this.#statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
    const growth = (this.#heapGrowth / 1024 / 1024).toFixed(1);
    const executed = Math.round((100 * this.#executed) / this.#sent);
    return (
      `${this.#sent} operations, ${executed} % executed. Statuses ${statuses.join(', ')}. ` +
      `Longest block ${this.#worst} ms, heap ${growth} MB.`
    );
  }

  async #judgeTheEnd(heapInTheMiddle: number): Promise<void> {
    this.#heapGrowth = (await this.#server.heapBytes()) - heapInTheMiddle;
    if (this.#heapGrowth > HEAP_GROWTH) this.#failures.push(`The heap has grown by ${this.#heapGrowth} bytes.`);
    const metrics = await this.#server.metrics();
    const faults = metrics.series('afterwrite_faults_total').filter(({ value }) => value > 0);
    if (faults.length > 0) this.#failures.push(`Faults were logged: ${JSON.stringify(faults)}`);
    if (!(await this.#server.isReady())) this.#failures.push('The server is not ready.');
  }

  async #sendAll(round: readonly FuzzRequest[]): Promise<readonly Sent[]> {
    const sent: Sent[] = [];
    const left = [...round];
    const lane = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const from = Date.now();
        const answer = await this.#send(next);
        sent.push({ request: next, from, to: Date.now() });
        this.#statuses.set(answer.status, (this.#statuses.get(answer.status) ?? 0) + 1);
        if (/"data":\{|^event: next/m.test(answer.text)) this.#executed++;
        const wrong = judge(next, answer);
        if (wrong) this.#failures.push(`${wrong}\n${shown(next)}\n→ ${answer.text.slice(0, 600)}`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return sent;
  }

  /** Sends what was under way during a block again, each alone. A collection of garbage has no culprit. */
  async #findCulprit(block: LoopBlock, sent: readonly Sent[]): Promise<void> {
    const began = block.at - block.ms;
    const suspects = sent.filter(({ from, to }) => from <= block.at && to >= began - 20);
    for (const { request: suspect } of suspects) {
      let kept = 0;
      for (let nth = 0; nth < TRIES; nth++) {
        await this.#send(suspect);
        const blocks = await this.#server.blocks();
        kept += blocks.length > 0 ? 1 : 0;
        for (const { cpuMs } of blocks) this.#worst = Math.max(this.#worst, cpuMs);
      }
      if (kept > TRIES / 2) {
        this.#failures.push(`The event loop was kept for ${block.cpuMs} ms, and again each time.\n${shown(suspect)}`);
      }
    }
  }

  #send({ method, search, headers, body, streams }: FuzzRequest): Promise<FuzzAnswer> {
    return new Promise((resolve) => {
      const url = new URL(`/graphql${search}`, this.#server.url);
      const outgoing = request(url, { method, headers: toLatin1(headers), agent: this.#agent, timeout: ANSWER_MS });
      const fail = (error: Error) => resolve({ status: 599, text: `No answer: ${error.message}` });
      outgoing.on('timeout', () => outgoing.destroy(new Error('the answer took too long')));
      outgoing.on('error', fail);
      outgoing.on('response', (response) => read(response, streams, resolve));
      outgoing.end(body);
    });
  }
}

function read(response: IncomingMessage, streams: boolean, resolve: (answer: FuzzAnswer) => void): void {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  const done = () => resolve({ status, text: Buffer.concat(chunks).toString() });
  const isStream = streams && (response.headers['content-type'] ?? '').includes('event-stream');
  const leave = () => {
    done();
    response.destroy();
  };
  const timer = isStream ? setTimeout(leave, STREAM_MS) : undefined;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (isStream && chunk.includes('data:')) leave();
  });
  response.on('error', done);
  response.on('close', () => {
    clearTimeout(timer);
    done();
  });
}

/** Headers as Node sends them: what it refuses to send reaches no server. */
function toLatin1(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace(/[^\t\x20-\x7e]/g, '?')]),
  );
}

function shown({ method, search, headers, body }: FuzzRequest): string {
  const cut = (text: string) => (text.length > 3_000 ? `${text.slice(0, 3_000)}… (${text.length} characters)` : text);
  return cut(`${method} /graphql${search} ${JSON.stringify({ ...headers, authorization: undefined })}\n${body ?? ''}`);
}

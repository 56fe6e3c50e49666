import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { mutationOf } from '../support/client/http-client.ts';
import { SECRET } from '../support/client/tokens.ts';
import type { Random } from '../support/random.ts';

export interface AttackerOptions {
  readonly url: string;
  /** A loopback address of its own: innocent clients and other attackers have others. */
  readonly address: string;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** An answer to an attacker. */
export interface AttackAnswer {
  /** 0 if there was none. */
  readonly status: number;
  readonly body: string;
  /** The code of the first error, or what the status or the failure is called. */
  readonly code: string;
  readonly headers: IncomingMessage['headers'];
}

/** Only so much of an answer is kept, in bytes: the rest is read and counted. */
const KEPT_BYTES = 256 * 1024;

/** A client that means harm: it sends what it likes, as often as it likes, and counts what it is answered. */
export class Attacker {
  readonly url: string;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** How often it was answered with what. */
  readonly tally = new Map<string, number>();
  /** Bytes of all answers. */
  received = 0;
  readonly #address: string;
  readonly #agent: Agent;
  readonly #open = new Set<{ destroy(): void }>();

  constructor({ url, address, random, signal }: AttackerOptions) {
    this.url = url;
    this.#address = address;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 64, localAddress: address } as object);
    this.random = random;
    this.signal = signal;
  }

  /** An access token that the identity provider would give out. */
  token(
    subject: string,
    roles: readonly string[] = ['customer'],
    claims: object = {},
    lastsMs = 3_600_000,
  ): Promise<string> {
    return new SignJWT({ roles, ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(subject)
      .setExpirationTime(new Date(Date.now() + lastsMs))
      .sign(new TextEncoder().encode(SECRET));
  }

  /** Somebody who has signed in and is registered. */
  async customer(): Promise<{ readonly id: string; readonly token: string }> {
    const id = randomUUID();
    const token = await this.token(id);
    await this.command('registerCustomer', { id, name: 'Mallory', email: 'mallory@example.org' }, token);
    return { id, token };
  }

  command(name: string, input: object, token?: string, commandId?: string): Promise<AttackAnswer> {
    return this.query(mutationOf(name), { input, commandId }, token);
  }

  query(query: string, variables: object = {}, token?: string): Promise<AttackAnswer> {
    return this.send(JSON.stringify({ query, variables }), token);
  }

  /** Sends a body. @param leavesAfterMs closes the connection so long after sending, in ms. */
  send(body: string, token?: string, { leavesAfterMs, ...headers }: { leavesAfterMs?: number; accept?: string } = {}) {
    return new Promise<AttackAnswer>((resolve) => {
      const outgoing = request(`${this.url}/graphql`, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/json',
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      this.#open.add(outgoing);
      const settle = (answer: AttackAnswer) => {
        this.#open.delete(outgoing);
        this.count(answer.code);
        resolve(answer);
      };
      const fail = (code: string) => settle({ status: 0, body: '', code, headers: {} });
      if (leavesAfterMs !== undefined) setTimeout(() => outgoing.destroy(), leavesAfterMs);
      outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'closed'));
      outgoing.on('response', (response) => this.#read(response, settle));
      outgoing.end(body);
    });
  }

  /** A raw connection, for requests that are not well-formed or never end. */
  connect(): Socket {
    const { hostname, port } = new URL(this.url);
    const socket = connect({ host: hostname, port: Number(port), localAddress: this.#address });
    this.#keep(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => this.count(error.code ?? 'closed'));
    return socket;
  }

  /** A WebSocket that speaks graphql-ws once it is open. Resolves when it is acknowledged or refused. */
  socket(token?: string): Promise<WebSocket> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      localAddress: this.#address,
    });
    this.#keep({ destroy: () => socket.terminate() });
    const payload = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        this.count(/\d{3}/.exec(error.message)?.[0] ?? 'closed');
        resolve(socket);
      });
      socket.on('close', (code) => {
        this.count(`close ${code}`);
        resolve(socket);
      });
      socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as { type: string; payload?: { extensions?: { code?: string } }[] };
        this.received += String(data).length;
        if (message.type === 'connection_ack') resolve(socket);
        if (message.type === 'error') this.count(message.payload?.[0]?.extensions?.code ?? 'error');
      });
    });
  }

  /** Does something again and again, in so many lanes at once, until the attack ends or it was done `times` times. */
  async repeat(lanes: number, times: number, work: (nth: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    const lane = async () => {
      while (!this.signal.aborted && next < times) await work(next++);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  /** Resolves when the attack has to end. */
  ended(): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  /** Closes whatever is still open. */
  leave(): void {
    for (const open of this.#open) open.destroy();
    this.#agent.destroy();
  }

  #keep(connection: { destroy(): void }): void {
    this.#open.add(connection);
  }

  #read(response: IncomingMessage, settle: (answer: AttackAnswer) => void): void {
    const chunks: Buffer[] = [];
    let kept = 0;
    response.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      if (kept < KEPT_BYTES) chunks.push(chunk);
      kept += chunk.length;
    });
    response.on('error', () => {});
    response.on('close', () => {
      const status = response.statusCode ?? 0;
      const body = Buffer.concat(chunks).toString();
      const code = /"code":"([A-Z_]+)"/.exec(body)?.[1] ?? String(status);
      settle({ status, body, code, headers: response.headers });
    });
  }
}

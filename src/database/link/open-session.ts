import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { ServerAddress, Target } from '../connection-string/target.ts';
import { linkError, READ_ONLY } from './errors.ts';
import { type Started, startUp } from './start-up.ts';
import { secure, TlsError } from './tls.ts';

/**
 * The kind of server that is needed, besides what the connection string requires: one that can be written to; a
 * primary, for sessions that only read but must see everything; any.
 */
export type ServerKind = 'writable' | 'primary' | 'any';

export interface SessionRequest {
  readonly target: Target;
  /** The user who logs in, if it is not that of the connection string. */
  readonly login: { readonly user: string; readonly password: string | undefined } | undefined;
  readonly kind: ServerKind;
  /** The first message, as the driver writes it. */
  readonly first: Buffer;
  readonly signal: AbortSignal;
}

type Encryption = 'plain' | 'tls' | 'tls if possible';

/**
 * Opens a session at the first suitable server, as libpq does: server after server, with and without encryption as
 * `sslmode` says, and only on a server of the wanted kind.
 *
 * @throws the problem of the last server, with a line for each server if there are several.
 */
export async function openSession(request: SessionRequest): Promise<Started> {
  const { target, kind, signal } = request;
  const servers = target.isBalanced ? shuffled(target.servers) : target.servers;
  const failures: { readonly server: ServerAddress; readonly error: Error }[] = [];
  const wanted = attributesFor(kind, target.sessionAttributes);
  for (const attributes of wanted === 'prefer-standby' ? (['standby', 'any'] as const) : [wanted]) {
    for (const server of servers) {
      try {
        const started = await openAt(server, request, attributes !== 'any');
        const problem = unfit(started, attributes);
        if (problem === undefined) return started;
        started.socket.destroy();
        failures.push({ server, error: linkError(READ_ONLY, problem) });
      } catch (error) {
        if (signal.aborted || isFinal(error)) throw error;
        failures.push({ server, error: error as Error });
      }
    }
  }
  const last = failures.at(-1);
  if (!last || failures.length === 1) throw last?.error;
  const { code = '' } = last.error as NodeJS.ErrnoException;
  const each = failures.map(({ server, error }) => `${server.host}:${server.port}: ${textOf(error)}`);
  throw linkError(code, `no server will do: ${each.join('; ')}`);
}

/** Asks a server to cancel what a backend is executing. There is no answer; the server closes the connection. */
export async function sendCancel(
  server: ServerAddress,
  target: Target,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<Socket> {
  const [encryption = 'plain'] = encryptions(server, target);
  const socket = await connectTo(server, target, encryption, signal);
  socket.write(bytes);
  return socket;
}

function attributesFor(kind: ServerKind, said: Target['sessionAttributes']): Target['sessionAttributes'] {
  if (kind === 'writable') return said === 'any' ? 'read-write' : said;
  // `transaction_read_only` of these sessions is their own setting.
  if (said === 'read-write' || (said === 'any' && kind === 'primary')) return 'primary';
  return said === 'read-only' ? 'standby' : said;
}

/** Why a session is unsuitable. */
function unfit({ isStandby, isReadOnly, server }: Started, wanted: Target['sessionAttributes']): string | undefined {
  const where = `the server at ${server.host}:${server.port}`;
  switch (wanted) {
    case 'read-write':
      return isReadOnly ? `${where} ${isStandby ? 'is a standby, which only reads' : 'only reads'}` : undefined;
    case 'read-only':
      return isReadOnly ? undefined : `${where} can be written to, and target_session_attrs=read-only`;
    case 'primary':
      return isStandby ? `${where} is a standby, and target_session_attrs=primary` : undefined;
    case 'standby':
      return isStandby ? undefined : `${where} is a primary, and a standby is asked for`;
    default:
      return undefined;
  }
}

async function openAt(server: ServerAddress, request: SessionRequest, asksKind: boolean): Promise<Started> {
  const ways = encryptions(server, request.target);
  for (const [index, encryption] of ways.entries()) {
    try {
      return await openIn(server, request, asksKind, encryption);
    } catch (error) {
      // `allow` and `prefer` try the other way if the server refuses this one, or if TLS fails.
      const isRefusal = error instanceof TlsError || (error instanceof Error && 'severity' in error);
      if (request.signal.aborted || index === ways.length - 1 || !isRefusal) throw error;
    }
  }
  throw new Error("The connection's settings allow neither an encrypted nor an unencrypted connection.");
}

async function openIn(
  server: ServerAddress,
  { target, login, first, signal }: SessionRequest,
  asksKind: boolean,
  encryption: Encryption,
): Promise<Started> {
  const late = AbortSignal.timeout(target.connectTimeoutMs);
  const either = AbortSignal.any([signal, late]);
  let socket: Socket | undefined;
  try {
    socket = await connectTo(server, target, encryption, either);
    return await startUp({
      ...{ socket, server, first, asksKind, signal: either },
      user: login?.user ?? target.user,
      password: login ? login.password : server.password,
      channelBinding: target.channelBinding,
      authentication: target.authentication,
    });
  } catch (error) {
    socket?.on('error', () => {}).destroy();
    if (late.aborted && !signal.aborted) {
      throw linkError(
        'CONNECT_TIMEOUT',
        `${server.host}:${server.port} does not answer within ${target.connectTimeoutMs} ms`,
      );
    }
    throw error;
  }
}

/** An open connection, encrypted if required. */
async function connectTo(
  server: ServerAddress,
  target: Target,
  encryption: Encryption,
  signal: AbortSignal,
): Promise<Socket> {
  const { host, address, port } = server;
  const isSocket = host.startsWith('/') || host.startsWith('@');
  const socket = isSocket
    ? createConnection({ path: `${host.replace(/^@/, '\0')}/.s.PGSQL.${port}` })
    : createConnection({ host: address ?? host, port });
  try {
    await once(socket, 'connect', { signal });
    if (!isSocket) socket.setNoDelay(true);
    if (!isSocket && target.keepAliveS !== undefined) socket.setKeepAlive(true, target.keepAliveS * 1000);
    if (encryption === 'plain') return socket;
    return await secure(socket, server, target.tls, encryption === 'tls if possible', signal);
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw error;
  }
}

/** The ways to connect, in the order in which they are tried. */
function encryptions({ host }: ServerAddress, { tls, channelBinding }: Target): readonly Encryption[] {
  if (host.startsWith('/') || host.startsWith('@') || tls.mode === 'disable') return ['plain'];
  // Channel binding needs encryption.
  if (channelBinding === 'require') return ['tls'];
  if (tls.mode === 'allow') return ['plain', 'tls'];
  return tls.mode === 'prefer' ? ['tls if possible', 'plain'] : ['tls'];
}

/**
 * True for a refusal that would be the same at other servers. A server that starts, stops or has no room does not
 * count.
 */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error) || !('severity' in error)) return false;
  return !/^(57P|53)/.test(String((error as NodeJS.ErrnoException).code));
}

function textOf(error: Error): string {
  const root = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return root.message;
}

function shuffled<T>(all: readonly [T, ...T[]]): readonly T[] {
  const mixed: T[] = [...all];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

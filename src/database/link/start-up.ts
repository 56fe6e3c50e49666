import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ServerAddress, Target } from '../connection-string/target.ts';
import { linkError } from './errors.ts';
import { errorOf, Messages, message } from './messages.ts';
import { type Binding, bindingOf, ScramLogin } from './scram.ts';

/** A session that is ready for statements. */
export interface Started {
  readonly socket: Socket;
  readonly server: ServerAddress;
  /** Bytes that Postgres has sent since the end of the login. */
  readonly said: Buffer;
  /** The backend as `pid:secret`, as in a cancel request. */
  readonly backend: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
}

export interface StartUp {
  readonly socket: Socket;
  readonly server: ServerAddress;
  /** The first message, as the driver writes it. */
  readonly first: Buffer;
  readonly user: string;
  readonly password: string | undefined;
  readonly channelBinding: Target['channelBinding'];
  readonly authentication: Target['authentication'];
  /** Whether the kind of the server matters. */
  readonly asksKind: boolean;
  readonly signal: AbortSignal;
}

/** Logs in, and waits until the session is ready. */
export async function startUp(start: StartUp): Promise<Started> {
  const { socket, server, first, signal } = start;
  const messages = new Messages(socket);
  socket.write(first);
  const said: Buffer[] = [await logIn(start, messages)];
  const parameters = new Map<string, string>();
  let backend = '';
  for (;;) {
    const { type, body, bytes } = await messages.next(signal);
    if (type === 'E') throw errorOf(body);
    said.push(Buffer.from(bytes));
    if (type === 'S') {
      const [name = '', value = ''] = body.toString('utf8').split('\0');
      parameters.set(name, value);
    }
    if (type === 'K') backend = `${body.readUInt32BE(0)}:${body.readUInt32BE(4)}`;
    if (type === 'Z') break;
  }
  let standby = parameters.get('in_hot_standby');
  // A pooler forwards only few parameters.
  if (standby === undefined && start.asksKind) standby = await askKind(socket, messages, signal);
  return {
    ...{ socket, server, backend, said: Buffer.concat([...said, messages.rest]) },
    isStandby: standby === 'on',
    isReadOnly: standby === 'on' || parameters.get('default_transaction_read_only') === 'on',
  };
}

async function askKind(socket: Socket, messages: Messages, signal: AbortSignal): Promise<'on' | 'off'> {
  socket.write(message('Q', 'select pg_catalog.pg_is_in_recovery()'));
  let kind: 'on' | 'off' = 'off';
  for (;;) {
    const { type, body } = await messages.next(signal);
    if (type === 'E') throw errorOf(body);
    // One column of one byte.
    if (type === 'D') kind = body[6] === 0x74 ? 'on' : 'off';
    if (type === 'Z') return kind;
  }
}

/** @returns the message that reports the successful login. */
async function logIn(start: StartUp, messages: Messages): Promise<Buffer> {
  const { socket, user, signal, channelBinding } = start;
  let scram: ScramLogin | undefined;
  let isProven = false;
  let method: string | undefined;
  const use = (asked: string) => {
    allow(start, asked);
    method = asked;
  };
  for (;;) {
    const { type, body, bytes } = await messages.next(signal);
    if (type === 'E') throw errorOf(body);
    if (type !== 'R') continue;
    const demand = body.readUInt32BE(0);
    const rest = body.subarray(4);
    switch (demand) {
      case 0:
        if (method === undefined) use('none');
        // A server that lets everybody in need not be the one that it claims to be.
        if ((scram && !isProven) || (channelBinding === 'require' && scram?.mechanism !== 'SCRAM-SHA-256-PLUS')) {
          throw unbound(start);
        }
        return Buffer.from(bytes);
      case 3:
        use('password');
        socket.write(message('p', passwordOf(start)));
        break;
      case 5:
        use('md5');
        socket.write(message('p', `md5${md5(md5(passwordOf(start), user), rest)}`));
        break;
      case 10: {
        use('scram-sha-256');
        const mechanisms = rest.toString('utf8').split('\0');
        scram = new ScramLogin(passwordOf(start), bindingFor(start, mechanisms));
        const first = Buffer.from(scram.first);
        const length = Buffer.alloc(4);
        length.writeUInt32BE(first.length);
        socket.write(message('p', scram.mechanism, length, first));
        break;
      }
      case 11:
        if (!scram) throw linkError('SASL_BROKEN', 'the server does not log in as SCRAM-SHA-256 demands');
        socket.write(message('p', Buffer.from(await scram.answer(rest.toString('utf8')))));
        break;
      case 12:
        scram?.check(rest.toString('utf8'));
        isProven = scram !== undefined;
        break;
      default:
        throw linkError(
          'LOGIN_UNKNOWN',
          `the server asks user ${user} for a login of a kind that is not possible here (${demand}): let pg_hba.conf ask for scram-sha-256`,
        );
    }
  }
}

function allow({ authentication, server }: StartUp, method: string): void {
  if (!authentication || authentication.has(method)) return;
  throw linkError(
    'LOGIN_REFUSED',
    `the server at ${server.host} asks for the login ${method}, which require_auth excludes`,
  );
}

function passwordOf({ password, user }: StartUp): string {
  if (password) return password;
  throw Object.assign(
    linkError('28P01', `the server asks user ${user} for a password, and the connection string has none`),
    {
      severity: 'FATAL',
    },
  );
}

function bindingFor(start: StartUp, mechanisms: readonly string[]): Binding {
  const { socket, channelBinding } = start;
  if (!(socket instanceof TLSSocket) || channelBinding === 'disable') {
    if (channelBinding === 'require') throw unbound(start);
    return { kind: 'none' };
  }
  const data = bindingOf(socket.getPeerX509Certificate());
  if (data && mechanisms.includes('SCRAM-SHA-256-PLUS')) return { kind: 'bound', data };
  if (channelBinding === 'require') throw unbound(start);
  return { kind: data ? 'not offered' : 'none' };
}

function unbound({ server, socket }: StartUp): Error {
  const why =
    socket instanceof TLSSocket ? 'the server does not offer SCRAM-SHA-256-PLUS' : 'the connection is not encrypted';
  return linkError(
    'CHANNEL_UNBOUND',
    `channel_binding=require is not possible at ${server.host}, because ${why}: write channel_binding=prefer to do without`,
  );
}

function md5(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

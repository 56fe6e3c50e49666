import type { Socket } from 'node:net';
import { linkError } from './errors.ts';

/** A protocol message from Postgres. */
export interface ServerMessage {
  readonly type: string;
  readonly body: Buffer;
  /** Including type and length. */
  readonly bytes: Buffer;
}

/** Messages before a session is ready are short. */
const LONGEST = 1_000_000;

/** The messages that arrive on a socket. The socket is left paused, and unread bytes stay in `rest`. */
export class Messages {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get rest(): Buffer {
    return this.#held;
  }

  /** @throws if the connection ends, or the signal's reason if it is aborted. */
  async next(signal: AbortSignal): Promise<ServerMessage> {
    for (;;) {
      if (this.#held.length >= 5) {
        const length = this.#held.readUInt32BE(1) + 1;
        if (length < 5 || length > LONGEST) throw linkError('NO_POSTGRES', 'what answers is no Postgres');
        if (this.#held.length >= length) {
          const bytes = this.#held.subarray(0, length);
          this.#held = this.#held.subarray(length);
          return { type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5), bytes };
        }
      }
      const data = await readBytes(this.#socket, signal);
      this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    }
  }
}

/** The next bytes on a socket, which is paused before and after. */
export function readBytes(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      socket.pause();
      socket.off('data', onData).off('error', onError).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      done();
    };
    const onData = (data: Buffer) => settle(() => resolve(data));
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(linkError('CONNECTION_CLOSED', 'the server closed the connection')));
    const onAbort = () => settle(() => reject(signal.reason));
    if (signal.aborted) return onAbort();
    if (socket.destroyed) return onClose();
    socket.on('data', onData).on('error', onError).on('close', onClose).resume();
    signal.addEventListener('abort', onAbort);
  });
}

/** A message of the client: its type, its length, its parts. */
export function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** An error of Postgres, with the same fields as the driver's. */
export function errorOf(body: Buffer): Error & { readonly code: string } {
  const names: Readonly<Record<string, string>> = {
    S: 'severity_local',
    V: 'severity',
    C: 'code',
    D: 'detail',
    H: 'hint',
    R: 'routine',
  };
  const fields: Record<string, string> = {};
  let text = 'the server refuses the connection';
  for (const field of body.toString('utf8').split('\0')) {
    if (field[0] === 'M') text = field.slice(1);
    else if (names[field[0] ?? '']) fields[names[field[0] ?? ''] ?? ''] = field.slice(1);
  }
  return Object.assign(linkError(fields.code ?? '08006', text), fields);
}

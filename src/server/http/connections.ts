import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Entrance } from '../../scheduling/entrance.ts';
import type { Addresses } from '../limits/address.ts';
import type { CallerLimits } from '../limits/limits.ts';
import { OverLimitError } from '../limits/over-limit.ts';
import type { Refusals } from '../limits/refusals.ts';
import { parseInPortions } from './portions.ts';

export interface ConnectionGate {
  readonly addresses: Addresses;
  readonly limits: CallerLimits;
  readonly refusals: Refusals;
}

/** HTTP statuses for the errors of Node's parser; everything else is 400. */
const STATUS_OF: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** The connection was lost: there is nobody to answer, and nothing was refused. */
const LOST: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'HPE_INVALID_EOF_STATE']);

/**
 * Limits the connections of one address and what is parsed of them at once, and reports which connections are refused and why.
 * @returns the number of open connections.
 */
export function guardConnections(
  server: Server,
  { addresses, limits, refusals }: ConnectionGate,
): { readonly open: number } {
  const connections = { open: 0 };
  const entrance = new Entrance();
  let nth = 0;
  server.on('connection', (socket: Socket) => {
    connections.open++;
    socket.once('close', () => {
      connections.open--;
    });
    const peer = addresses.peerOf(socket.remoteAddress);
    try {
      socket.once('close', limits.connection(peer));
      // Many clients are behind a trusted proxy, whose connections do not wait for each other.
      parseInPortions(socket, entrance, peer ?? `connection ${nth++}`);
    } catch (error) {
      if (!(error instanceof OverLimitError)) throw error;
      refusals.refused({ reason: error.limit, transport: 'connection', code: error.code, address: peer });
      socket.destroy();
    }
  });
  server.on('drop', (dropped?: { readonly remoteAddress?: string }) => {
    const address = addresses.peerOf(dropped?.remoteAddress);
    refusals.refused({ reason: 'all_connections', transport: 'connection', code: 'THROTTLED', address });
  });
  // Without a listener, Node answers these by itself and leaves no trace.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket & { readonly _httpMessage?: unknown }) => {
    if (LOST.has(error.code)) return void socket.destroy(error);
    const status = STATUS_OF[error.code ?? ''] ?? 400;
    const address = addresses.peerOf(socket.remoteAddress);
    refusals.refused({ reason: `http_${status}`, transport: 'connection', status, address, why: error.code ?? '' });
    const answered = socket._httpMessage as { readonly headersSent?: boolean } | null | undefined;
    if (socket.writable && !answered?.headersSent) {
      socket.write(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 0\r\n\r\n`,
      );
    }
    socket.destroy(error);
  });
  return connections;
}

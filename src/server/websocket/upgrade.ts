import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { retryAfter } from '../http/answer-head.ts';
import type { AnsweredError } from '../http/answers.ts';
import type { HostGuard } from '../http/hosts.ts';
import type { Origins } from '../http/origins.ts';
import { isEndpoint } from '../http/routes.ts';
import { OverLimitError } from '../limits/over-limit.ts';
import type { Visit } from '../limits/visit.ts';

export interface UpgradeRules {
  /** False once the server is shutting down. */
  readonly accepts: () => boolean;
  readonly origins: Origins;
  readonly whyNotHost: HostGuard;
}

/** Why a request to open a WebSocket is refused. */
interface RefusedUpgrade {
  readonly status: keyof typeof REASONS;
  readonly error?: AnsweredError;
}

const REASONS = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
} as const;

/**
 * Decides whether a WebSocket may be opened. If so, the visit holds a place for it; otherwise the request is answered
 * here.
 * @param socket of the request; since it asked to be upgraded, only this code handles it.
 */
export async function admitUpgrade(
  rules: UpgradeRules,
  visit: Visit,
  request: IncomingMessage,
  socket: Duplex,
  correlationId: string,
): Promise<boolean> {
  socket.on('error', () => socket.destroy());
  const refused = whyRefused(rules, request) ?? (await whyOverLimit(visit, correlationId));
  if (!refused) return true;
  const { status, error } = refused;
  if (status !== 429) visit.refused({ status, correlationId, ...(error && { code: error.code }) });
  answerUpgrade(socket, refused);
  return false;
}

/**
 * Browsers let any page open a WebSocket to any server and send cookies along, but they send the origin of the page.
 */
function whyRefused(
  { accepts, origins, whyNotHost }: UpgradeRules,
  request: IncomingMessage,
): RefusedUpgrade | undefined {
  if (!accepts()) {
    return {
      status: 503,
      error: { code: 'THROTTLED', message: 'The server takes no requests now.', retryAfterMs: 1000 },
    };
  }
  if (!isEndpoint(request)) return { status: 404 };
  if (!origins.isOwn(request) && !origins.allows(request)) {
    const message = 'Pages of this origin may not open a WebSocket here; the operator names those that may.';
    return { status: 403, error: { code: 'FORBIDDEN', message } };
  }
  const foreign = whyNotHost(request.headers.host);
  return foreign ? { status: 403, error: { code: 'FORBIDDEN', message: foreign } } : undefined;
}

async function whyOverLimit(visit: Visit, correlationId: string): Promise<RefusedUpgrade | undefined> {
  try {
    await visit.request();
    visit.connect();
    return undefined;
  } catch (error) {
    if (!(error instanceof OverLimitError)) throw error;
    const { code, message, retryAfterMs } = error;
    visit.refused({ code, status: 429, correlationId }, error);
    return { status: 429, error: { code, message, retryAfterMs } };
  }
}

function answerUpgrade(socket: Duplex, { status, error }: RefusedUpgrade): void {
  const { message, ...extensions } = error ?? { message: '' };
  const body = error ? JSON.stringify({ errors: [{ message, extensions }] }) : '';
  const headers = [
    'Connection: close',
    'X-Content-Type-Options: nosniff',
    ...(body ? ['Content-Type: application/json; charset=utf-8'] : []),
    ...Object.entries(retryAfter(error?.retryAfterMs ?? 0)).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

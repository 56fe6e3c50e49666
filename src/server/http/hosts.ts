import { isIP } from 'node:net';
import type { Config } from '../../settings/config.ts';

/** The settings that decide under which host names a server may be called. */
export type HostSettings = Pick<Config, 'host' | 'corsOrigins' | 'authJwtSecret' | 'authJwksUrl'>;

/** Why a request with this Host header is refused; undefined if it is not. */
export type HostGuard = (host: string | undefined) => string | undefined;

/**
 * A page can let its own host name resolve to this machine; to a browser it then has the same origin as the server.
 * Without access tokens every such page would act as the developer, who may do everything, so only host names that
 * nobody else controls are served (DNS rebinding).
 */
export function createHostGuard({ host, corsOrigins, authJwtSecret, authJwksUrl }: HostSettings): HostGuard {
  if (authJwtSecret !== undefined || authJwksUrl !== undefined) return () => undefined;
  const configured = corsOrigins.map((origin) => new URL(origin).hostname);
  const known = new Set(['localhost', '127.0.0.1', '::1', ...[host, ...configured].map(unbracketed)]);
  const anywhere = host === '0.0.0.0' || host === '::';
  return (header) => {
    const name = nameIn(header);
    if (name !== undefined && (known.has(name) || name.endsWith('.localhost'))) return undefined;
    // Nobody controls what an IP address resolves to.
    if (anywhere && name !== undefined && isIP(name) !== 0) return undefined;
    return 'While authentication is off, the server is not to be called by this host name: use localhost, or name it in CORS_ORIGINS.';
  };
}

function nameIn(header: string | undefined): string | undefined {
  const name = /^(\[[\da-f:.]+\]|[^\s:/?#@\\]+)(:\d*)?$/i.exec(header ?? '')?.[1];
  return name && unbracketed(name);
}

function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

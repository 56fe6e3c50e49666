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
export function createHostGuard(settings: HostSettings): HostGuard {
  if (!isOpen(settings)) return () => undefined;
  const { host, corsOrigins } = settings;
  const configured = corsOrigins.map((origin) => new URL(origin).hostname);
  const known = new Set([host, ...configured].map(unbracketed));
  const anywhere = host === '0.0.0.0' || host === '::';
  return (header) => {
    const name = nameIn(header);
    if (name !== undefined && (known.has(name) || isLocalName(name))) return undefined;
    // Nobody controls what an IP address resolves to.
    if (anywhere && name !== undefined && isIP(name) !== 0) return undefined;
    return 'While authentication is off, the server cannot be called by this host name: use localhost, or name it in CORS_ORIGINS.';
  };
}

/** Whether authentication is off: everybody may do everything. */
export function isOpen({ authJwtSecret, authJwksUrl }: HostSettings): boolean {
  return authJwtSecret === undefined && authJwksUrl === undefined;
}

/** Whether a host name, in lower case, always means this machine. */
export function isLocalName(name: string): boolean {
  const bare = unbracketed(name);
  return ['localhost', '127.0.0.1', '::1'].includes(bare) || bare.endsWith('.localhost');
}

function nameIn(header: string | undefined): string | undefined {
  const name = /^(\[[\da-f:.]+\]|[^\s:/?#@\\]+)(:\d*)?$/i.exec(header ?? '')?.[1];
  return name && unbracketed(name);
}

function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

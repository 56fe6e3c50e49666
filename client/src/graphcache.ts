import type { CacheExchangeOpts, KeyingConfig, ResolverConfig } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { EMBEDDED_TYPES, POSSIBLE_TYPES } from './schema.ts';

export interface GraphcacheOptions extends Partial<CacheExchangeOpts> {
  /** Fields that are connections, by type, for example `{ Query: ['orders'] }`: their pages are read as one list. */
  readonly connections?: Readonly<Record<string, readonly string[]>>;
  /** Types without an id, for example `['Money', 'OrderConnection', 'OrderEdge']`: they belong to what they are read with. */
  readonly embedded?: readonly string[];
}

/** The configuration of urql's `cacheExchange` of graphcache, with what it has to know of the product. */
export function graphcacheConfig({
  connections = {},
  embedded = [],
  ...config
}: GraphcacheOptions = {}): CacheExchangeOpts {
  const keys: KeyingConfig = Object.fromEntries([...EMBEDDED_TYPES, ...embedded].map((type) => [type, () => null]));
  const resolvers: ResolverConfig = { ...config.resolvers };
  for (const [type, names] of Object.entries(connections)) {
    const pages = Object.fromEntries(names.map((name) => [name, relayPagination()]));
    resolvers[type] = { ...pages, ...resolvers[type] };
  }
  const possibleTypes = { ...POSSIBLE_TYPES, ...config.possibleTypes };
  return { ...config, possibleTypes, keys: { ...keys, ...config.keys }, resolvers };
}

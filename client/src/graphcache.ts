import type {
  CacheExchangeOpts,
  KeyingConfig,
  ResolverConfig,
  UpdateResolver,
  UpdatesConfig,
} from '@urql/exchange-graphcache';
import { readPages, rememberPage } from './graphcache/pages.ts';
import { EMBEDDED_TYPES, POSSIBLE_TYPES } from './schema.ts';

export interface GraphcacheOptions extends Partial<CacheExchangeOpts> {
  /** Fields that are connections, by type, for example `{ Query: ['orders'] }`: their pages are read as one list, also live ones. */
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
  const updates: UpdatesConfig = { ...config.updates };
  for (const [type, names] of Object.entries(connections)) {
    resolvers[type] = { ...Object.fromEntries(names.map((name) => [name, readPages])), ...resolvers[type] };
    updates[type] = { ...updates[type], ...Object.fromEntries(names.map((name) => [name, remembering(type, name)])) };
  }
  const possibleTypes = { ...POSSIBLE_TYPES, ...config.possibleTypes };
  return { ...config, possibleTypes, keys: { ...keys, ...config.keys }, resolvers, updates };

  /** What the application itself updates stays. */
  function remembering(type: string, name: string): UpdateResolver {
    const own = config.updates?.[type]?.[name];
    return (...written) => {
      rememberPage(...written);
      own?.(...written);
    };
  }
}

import type {
  Cache,
  DataFields,
  Entity,
  ResolveInfo,
  Resolver,
  UpdateResolver,
  Variables,
} from '@urql/exchange-graphcache';
import { PAGING_ARGUMENTS } from '../schema.ts';

type Args = Variables;
/** A page in the cache, with its fields by name. */
type Page = Readonly<Record<string, unknown>>;

/** What continues a list in one direction. */
interface Direction {
  /** The argument that names the row next to which a page begins. */
  readonly from: 'after' | 'before';
  readonly cursor: 'endCursor' | 'startCursor';
  readonly hasMore: 'hasNextPage' | 'hasPreviousPage';
  /** The row at this end of a page. */
  readonly last: -1 | 0;
}
const FORWARD: Direction = { from: 'after', cursor: 'endCursor', hasMore: 'hasNextPage', last: -1 };
const BACKWARD: Direction = { from: 'before', cursor: 'startCursor', hasMore: 'hasPreviousPage', last: 0 };

/**
 * Remembers, in the cache itself, which page of a connection was written last for each beginning: queries, receipts and
 * live messages all write pages. Graphcache keeps pages of different sizes beside each other and does not tell their age.
 * A page that was asked for without its rows, for a number for example, is not remembered: lists would lose theirs.
 */
export const rememberPage: UpdateResolver<DataFields, Args> = (parent, args, cache, { parentKey, fieldName }) => {
  const page = cache.resolve(parentKey, fieldName, args);
  // Rows are the only lists of a page, whatever aliases they have in the answer.
  const hasRows = Object.values(parent[fieldName] ?? {}).some(Array.isArray);
  if (hasRows && typeof page === 'string') cache.link(parentKey, ...beginning(fieldName, args), page);
};

/**
 * Reads a connection as one list: the page from its beginning that was written last, and all pages that continue it.
 * So a live message replaces what it shows, and pages after its last row stay.
 */
export const readPages: Resolver<DataFields, Args> = (_parent, args, cache, info) => {
  const { parentKey, fieldName } = info;
  const own = cache.resolve(parentKey, fieldName, args);
  if (own === null) return null;
  if (typeof own !== 'string') {
    if (!knowsSchema(info)) return undefined;
    info.partial = true;
  }
  const direction = directionOf(args);
  const pageAt = (from: string | null) => {
    const key = cache.resolve(parentKey, ...beginning(fieldName, args, direction, from));
    return typeof key === 'string' ? key : undefined;
  };
  const first = pageAt(null) ?? (typeof own === 'string' ? own : undefined);
  if (first === undefined) return undefined;
  const keys = new Set<string>();
  const pages: Page[] = [];
  for (let next: string | undefined = first; next !== undefined && !keys.has(next); ) {
    keys.add(next);
    const page = pageOf(cache, next);
    pages.push(page);
    const cursor = cursorOf(cache, page, direction);
    next = cursor === undefined ? undefined : pageAt(cursor);
  }
  const list = joined(cache, pages, direction);
  return (typeof own === 'string' ? withOwn(pageOf(cache, own), list) : list) as DataFields;
};

/** What only the page itself has, such as a number, beside the list. If it has no rows, its numbers are not those of the list. */
function withOwn(own: Page, list: Page): Page {
  const hasRows = own.edges !== undefined || own.nodes !== undefined;
  return hasRows
    ? { ...own, ...list }
    : { ...list, ...own, ...(list.pageInfo !== undefined && { pageInfo: list.pageInfo }) };
}

/** If graphcache has a schema, it shows what it knows until the answer arrives. Its types do not say that `store` has the schema. */
const knowsSchema = (info: ResolveInfo & { readonly store?: { readonly schema?: unknown } }) => info.store?.schema;

function directionOf({ first, after, last, before }: Args): Direction {
  const isForward = first != null || after != null || (last == null && before == null);
  return isForward ? FORWARD : BACKWARD;
}

/** The name and the arguments under which the page is remembered that begins at a row, or at the beginning of the list. */
function beginning(
  fieldName: string,
  args: Args,
  direction = directionOf(args),
  from: unknown = args[direction.from],
): [name: string, args: Args] {
  const others = Object.entries(args).filter(([name]) => !PAGING_ARGUMENTS.includes(name));
  return [`${fieldName}/${direction.from}`, { ...Object.fromEntries(others), from: from ?? null }];
}

function pageOf(cache: Cache, key: string): Page {
  const fields = cache.inspectFields(key).filter((field) => field.arguments === null);
  return Object.fromEntries(fields.map(({ fieldName }) => [fieldName, cache.resolve(key, fieldName)]));
}

function cursorOf(cache: Cache, { pageInfo, edges }: Page, { cursor, last }: Direction): string | undefined {
  const edge = Array.isArray(edges) ? edges.at(last) : undefined;
  const found = cache.resolve(pageInfo as Entity, cursor) ?? cache.resolve(edge as Entity, 'cursor');
  return typeof found === 'string' ? found : undefined;
}

/** Several pages as one. */
function joined(cache: Cache, pages: readonly Page[], direction: Direction): Page {
  const [first = {}] = pages;
  if (pages.length === 1) return first;
  const inOrder = direction === FORWARD ? pages : pages.toReversed();
  const nodeOf = (edge: unknown) => cache.resolve(edge as Entity, 'node');
  const info = (page: Page | undefined, name: string) => cache.resolve((page?.pageInfo ?? null) as Entity, name);
  const { last, from: _, ...ends } = direction;
  const pageInfo = first.pageInfo && {
    ...pageOf(cache, first.pageInfo as string),
    ...Object.fromEntries(Object.values(ends).map((name) => [name, info(pages.at(-1), name)])),
  };
  return {
    ...first,
    ...(first.edges !== undefined && { edges: distinct(listOf(inOrder, 'edges'), nodeOf) }),
    ...(first.nodes !== undefined && { nodes: distinct(listOf(inOrder, 'nodes'), (node) => node) }),
    ...(pageInfo !== undefined && { pageInfo }),
  };
}

const listOf = (pages: readonly Page[], name: string) => pages.flatMap((page) => (page[name] ?? []) as unknown[]);

/** If a row has moved, two pages may contain it. It is shown only at its first place. */
function distinct(rows: readonly unknown[], keyOf: (row: unknown) => unknown): unknown[] {
  const seen = new Set<unknown>();
  return rows.filter((row) => {
    const key = keyOf(row) ?? row;
    return !seen.has(key) && seen.add(key);
  });
}

import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { BadUserInputError } from '../../errors.ts';

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** Arguments of a Relay connection. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** An element of a list, and its place. */
export interface Edge<Node> {
  readonly node: Node;
  readonly cursor: string;
}

export interface Page<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** The row behind the page, in reading order, because of which there is more. */
  readonly beyond?: RowValues | undefined;
}

/** How rows become a page. */
export interface PageShape {
  readonly args: PageArguments;
  readonly limit: number;
  readonly backwards: boolean;
  readonly cursorOf: (row: RowValues) => string;
}

/** An edge whose cursor is made only if it is asked for. */
class LazyEdge<Node> implements Edge<Node> {
  readonly node: Node;
  readonly #cursorOf: PageShape['cursorOf'];

  constructor(node: Node, cursorOf: PageShape['cursorOf']) {
    this.node = node;
    this.#cursorOf = cursorOf;
  }

  get cursor(): string {
    return this.#cursorOf(this.node as RowValues);
  }
}

/** @param found the rows in reading order, including one row more than the page if there is more. */
export function pageOf<Node>({ args, limit, backwards, cursorOf }: PageShape, found: readonly RowValues[]): Page<Node> {
  const more = found.length > limit;
  const rows = found.slice(0, limit);
  if (backwards) rows.reverse();
  const edges = rows.map((node) => new LazyEdge(node as Node, cursorOf));
  const [first] = edges;
  const last = edges.at(-1);
  return {
    edges,
    pageInfo: {
      // What a cursor names lies beyond the page on its side.
      hasNextPage: (more && !backwards) || args.before != null,
      hasPreviousPage: (more && backwards) || args.after != null,
      get startCursor() {
        return first?.cursor ?? null;
      },
      get endCursor() {
        return last?.cursor ?? null;
      },
    },
    beyond: found[limit],
  };
}

/** The size of a page. @throws {BadUserInputError} if it is not a valid size. */
export function sizeOf({ first, last }: PageArguments): { limit: number; backwards: boolean } {
  if (first != null && last != null) throw new BadUserInputError('Ask for `first` or for `last`, not for both.');
  const [name, size] = last != null ? ['last', last] : ['first', first ?? DEFAULT_PAGE];
  if (size < 0 || size > MAX_PAGE)
    throw new BadUserInputError(`\`${name}\` is between 0 and ${MAX_PAGE}, not ${size}.`);
  return { limit: size, backwards: last != null };
}

/** The rows of a page, and the one behind it that decides whether there is more. */
export function* rowsOf({ edges, beyond }: Page<RowValues>): Iterable<RowValues> {
  for (const { node } of edges) yield node;
  if (beyond) yield beyond;
}

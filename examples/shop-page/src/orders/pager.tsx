const SIZE = 10;

/** Variables that choose a page of a list. */
export interface Page {
  readonly first?: number;
  readonly afterCursor?: string | null;
  readonly last?: number;
  readonly beforeCursor?: string | null;
}

/** The newest rows. A page after a cursor stays where it is while rows are added before it. */
export const FIRST_PAGE: Page = { first: SIZE };

interface Properties {
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor?: string | null;
    readonly endCursor?: string | null;
  };
  onTurn(page: Page): void;
}

export function Pager({ pageInfo, onTurn }: Properties) {
  const { hasNextPage, hasPreviousPage, startCursor = null, endCursor = null } = pageInfo;
  return (
    <nav className="pager" aria-label="Pages of the list">
      <button type="button" disabled={!hasPreviousPage} onClick={() => onTurn(FIRST_PAGE)}>
        Newest
      </button>
      <button
        type="button"
        disabled={!hasPreviousPage}
        onClick={() => onTurn({ last: SIZE, beforeCursor: startCursor })}
      >
        Newer
      </button>
      <button type="button" disabled={!hasNextPage} onClick={() => onTurn({ first: SIZE, afterCursor: endCursor })}>
        Older
      </button>
    </nav>
  );
}

import { Pool } from 'undici';

/** An order as all contenders answer it. */
export interface ReadOrder {
  readonly id: string;
  readonly placedAt: string;
  readonly updatedAt: string;
}

interface Page {
  readonly edges: readonly { readonly node: ReadOrder; readonly cursor: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** The documents that a contender is asked with, both answered in the same form. */
export interface Documents {
  /** Takes `$id`. */
  readonly byId: string;
  /** Takes `$first` and `$after`. */
  readonly page: string;
}

const FIELDS = 'status itemCount carrier trackingNumber cancellationReason placedAt updatedAt version';
/** What is kept as JSON: the lines of the order and its address. */
const OWN_JSON = 'items { quantity unitPrice { amount currency } } shippingAddress { line1 city postalCode country }';
const THEIR_JSON = 'items shippingAddress';
const PAGE = `pageInfo { hasNextPage endCursor }`;

/** Afterwrite's own. With a token, both wait for `$token`. @param withJson whether they select what is kept as JSON. */
export function ownDocuments({ withToken = false, withJson = false } = {}): Documents {
  const [token, directive] = withToken ? [', $token: ConsistencyToken!', ' @readAfter(token: $token)'] : ['', ''];
  const fields = withJson ? `${FIELDS} ${OWN_JSON}` : FIELDS;
  return {
    byId: `query Order($id: ID!${token})${directive} { order(id: $id) { id ${fields} } }`,
    page: `query Orders($first: Int!, $after: String${token})${directive} {
      orders(first: $first, after: $after, sort: PLACED_AT_DESC) { edges { cursor node { id ${fields} } } ${PAGE} }
    }`,
  };
}

/** The same of the API that PostGraphile makes of the same table, which answers JSON whole. */
export function postgraphileDocuments({ withJson = false } = {}): Documents {
  const fields = withJson ? `${FIELDS} ${THEIR_JSON}` : FIELDS;
  return {
    byId: `query Order($id: UUID!) { order: orderByRowId(rowId: $id) { id: rowId ${fields} } }`,
    page: `query Orders($first: Int!, $after: Cursor) {
      orders: allOrders(first: $first, after: $after, orderBy: [PLACED_AT_DESC, ROW_ID_DESC]) {
        edges { cursor node { id: rowId ${fields} } } ${PAGE}
      }
    }`,
  };
}

/** Reads orders from a server over HTTP connections that are kept alive, without pipelining. */
export class OrderReader {
  readonly #pool: Pool;
  readonly #documents: Documents;
  readonly #path: string;
  readonly #more: Readonly<Record<string, unknown>>;
  /** Cursors at which pages of the list begin. */
  readonly #cursors: (string | null)[] = [null];

  /** @param more variables that go with every request. */
  constructor(
    url: string,
    documents: Documents,
    options: { connections: number; path?: string; more?: Readonly<Record<string, unknown>> },
  ) {
    this.#pool = new Pool(url, { connections: options.connections, pipelining: 1 });
    this.#documents = documents;
    this.#path = options.path ?? '/graphql';
    this.#more = options.more ?? {};
  }

  /** An order. @throws if something else comes back. */
  async order(id: string): Promise<string> {
    const answer = await this.post(this.#documents.byId, { id });
    if (!answer.includes(`"id":"${id}"`)) throw new Error(`An order was not answered: ${answer}`);
    return answer;
  }

  /** A page of 20 orders, somewhere in the list. @throws if something else comes back. */
  async page(): Promise<string> {
    const after = this.#cursors[Math.floor(Math.random() * this.#cursors.length)];
    const answer = await this.post(this.#documents.page, { first: 20, after });
    if (!answer.includes('"edges":[{') || answer.includes('"errors":')) {
      throw new Error(`A page was not answered: ${answer}`);
    }
    return answer;
  }

  /** All orders, newest first, page after page; from then on {@link page} knows where pages begin. */
  async walk(): Promise<ReadOrder[]> {
    const found: ReadOrder[] = [];
    let after: string | null = null;
    for (;;) {
      const answer = await this.post(this.#documents.page, { first: 20, after });
      const { data } = JSON.parse(answer) as { data?: { orders: Page } };
      if (!data) throw new Error(`A page was not answered: ${answer}`);
      found.push(...data.orders.edges.map(({ node }) => asComparable(node)));
      if (!data.orders.pageInfo.hasNextPage) return found;
      after = data.orders.pageInfo.endCursor;
      this.#cursors.push(after);
    }
  }

  /** The same order as {@link walk} finds it. */
  async comparable(id: string): Promise<ReadOrder> {
    return asComparable((JSON.parse(await this.order(id)) as { data: { order: ReadOrder } }).data.order);
  }

  /** One request. @throws if its status is not 200. */
  async post(query: string, variables: Readonly<Record<string, unknown>>): Promise<string> {
    const { body, statusCode } = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query, variables: { ...variables, ...this.#more } }),
    });
    const answer = await body.text();
    if (statusCode !== 200) throw new Error(`A request was answered with ${statusCode}: ${answer}`);
    return answer;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** An instant can be written in several ways. */
function asComparable(order: ReadOrder): ReadOrder {
  const { placedAt, updatedAt } = order;
  return { ...order, placedAt: new Date(placedAt).toISOString(), updatedAt: new Date(updatedAt).toISOString() };
}

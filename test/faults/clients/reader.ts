import { Freshness, isOutdated } from '../../../docs/example/clients/freshness.ts';
import type { Answer } from '../../support/client/http-client.ts';
import type { Random } from '../../support/random.ts';
import type { Read, Recorder, SeenRow } from '../history.ts';
import { type Place, reasonOf, type Sender } from './sender.ts';

/** Longer than a read waits for its tokens. */
const PATIENCE_MS = 6000;
const PAGE = 100;

interface CustomerShown {
  readonly name: string;
  readonly version: number;
}
interface OrderShown {
  readonly id: string;
  readonly status: string;
  readonly itemCount: number;
  readonly total: { readonly amount: number };
  readonly version: number;
}
interface ProductShown {
  readonly price: { readonly amount: number };
  readonly stock: number;
  readonly version: number;
}
interface Shown {
  readonly customer?: CustomerShown | null;
  readonly order?: OrderShown | null;
  readonly product?: ProductShown | null;
  readonly orders?: {
    readonly edges: readonly { readonly node: OrderShown }[];
    readonly pageInfo: { readonly hasNextPage: boolean };
  };
}

const ORDER = 'id status itemCount total { amount } version';
const FIELDS = {
  customer: '{ name version }',
  order: `{ ${ORDER} }`,
  product: '{ price { amount } stock version }',
} as const;

/** The reads, by ids that are known. */
export type Wish =
  | { readonly kind: keyof typeof FIELDS; readonly id: string }
  | { readonly kind: 'ordersOf'; readonly id: string };

/** Reads as the documentation tells clients to: with all that they have written and seen. */
export class Reader {
  readonly freshness = new Freshness();
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #sender: Sender;

  constructor(recorder: Recorder, random: Random, sender: Sender) {
    this.#recorder = recorder;
    this.#random = random;
    this.#sender = sender;
  }

  /** Reads once and records the answer; false if there was none. Never throws. */
  async read(wish: Wish, place: Place): Promise<boolean> {
    const waitedFor = this.#random.chance(0.1) ? [] : this.freshness.tokens;
    const askedAt = this.#recorder.now;
    const failed = (code: string) => {
      this.#recorder.add({ is: 'unread', instance: place.name, after: waitedFor, code });
      return false;
    };
    try {
      const answer = await this.#ask(wish, place, waitedFor);
      if (isOutdated(answer.code)) this.freshness.forget(waitedFor);
      if (answer.errors || !answer.data) return failed(answer.code ?? `HTTP ${answer.status}`);
      const { token, stale = false } = answer.consistency;
      this.freshness.read(answer.consistency, waitedFor);
      const told = { askedAt, instance: place.name, after: waitedFor, token, stale };
      this.#recorder.add({ is: 'read', by: 'query', ...told, ...seen(wish, answer.data) });
      return true;
    } catch (error) {
      return failed(reasonOf(error));
    }
  }

  #ask(wish: Wish, place: Place, tokens: readonly string[]): Promise<Answer<Shown>> {
    // Passes tokens as a header or as directives, and sometimes accepts stale data.
    const asHeader = tokens.length === 0 || this.#random.chance(0.5);
    const onTimeout = this.#random.chance(0.1) ? ', onTimeout: STALE' : '';
    const variables: Record<string, unknown> = { id: wish.id };
    const declared = ['$id: ID!'];
    const directives: string[] = [];
    if (!asHeader) {
      for (const [index, token] of tokens.entries()) {
        variables[`token${index}`] = token;
        declared.push(`$token${index}: ConsistencyToken!`);
        directives.push(`@readAfter(token: $token${index}, timeoutMs: 3000${onTimeout})`);
      }
    }
    const document = `query (${declared.join(', ')}) ${directives.join(' ')} { ${selectionOf(wish)} }`;
    return this.#sender.client(place).query<Shown>(document, variables, {
      ...(asHeader && tokens.length > 0 ? { headers: { 'read-after': tokens.join(', ') } } : {}),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  }
}

function selectionOf({ kind }: Wish): string {
  if (kind !== 'ordersOf') return `${kind}(id: $id) ${FIELDS[kind]}`;
  return `orders(first: ${PAGE}, filter: { customerId: $id }) { edges { node { ${ORDER} } } pageInfo { hasNextPage } }`;
}

function seen({ kind, id }: Wish, data: Shown): Pick<Read, 'rows' | 'allOf'> {
  switch (kind) {
    case 'customer':
      return { rows: [customerRow(id, data.customer)] };
    case 'order':
      return { rows: [orderRow(id, data.order)] };
    case 'product':
      return { rows: [productRow(id, data.product)] };
    case 'ordersOf': {
      const { edges = [], pageInfo } = data.orders ?? {};
      const rows = edges.map(({ node }) => orderRow(node.id, node));
      if (pageInfo?.hasNextPage !== false) return { rows };
      return { rows, allOf: { type: 'Order', column: 'customerId', value: id } };
    }
  }
}

/** The order in a receipt's own `query { order(id) … }`. */
export const receiptQuery = (orderId: string) => `order(id: "${orderId}") ${FIELDS.order}`;

/** An order as it was shown. */
export function orderRow(id: string, shown: OrderShown | null | undefined): SeenRow {
  const { version = 0, status, itemCount, total } = shown ?? {};
  return row('Order', id, version, { status, itemCount, total: total?.amount });
}

function customerRow(id: string, shown: CustomerShown | null | undefined): SeenRow {
  return row('Customer', id, shown?.version ?? 0, { name: shown?.name });
}

function productRow(id: string, shown: ProductShown | null | undefined): SeenRow {
  return row('Product', id, shown?.version ?? 0, { price: shown?.price.amount, stock: shown?.stock });
}

function row(type: string, id: string, version: number, columns: Record<string, unknown>): SeenRow {
  return { stream: { type, id }, version, columns: version === 0 ? {} : columns };
}

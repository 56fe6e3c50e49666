import { expect } from 'vitest';
import type { HttpClient } from '../../../support/client/http-client.ts';

/** A list of the API, and how its arguments are declared. */
export interface List {
  readonly field: string;
  /** The variables of a query, as in `$filter: CustomerFilter $sort: CustomerSort`. */
  readonly variables: string;
  /** Which field of a node names it in a test. */
  readonly shows: string;
}

export interface ReadOptions {
  /** Everything up to this consistency token is waited for. */
  readonly after: string;
  /** Access token of the reader. */
  readonly token?: string | undefined;
}

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Readonly<Record<string, string>> }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** A page of a list, as its reader gets it. */
export async function readPage(
  client: HttpClient,
  { field, variables, shows }: List,
  values: Readonly<Record<string, unknown>>,
  { after, token }: ReadOptions,
): Promise<Page> {
  const passed = [...variables.matchAll(/\$(\w+)/g)].map(([, name]) => `${name}: $${name}`).join(' ');
  const query = `query ($first: Int $after: String ${variables}) {
    ${field}(first: $first after: $after ${passed}) {
      edges { cursor node { ${shows} } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  const answer = await client.query<Record<string, Page>>(query, values, { token, headers: { 'read-after': after } });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data[field] as Page;
}

/** The nodes of a list, read in pages of this size. */
export async function readAll(
  client: HttpClient,
  list: List,
  values: Readonly<Record<string, unknown>>,
  options: ReadOptions,
  size = 2,
): Promise<string[]> {
  const shown: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Page = await readPage(client, list, { ...values, first: size, after: cursor }, options);
    shown.push(...page.edges.map(({ node }) => node[list.shows] as string));
    cursor = page.pageInfo.endCursor;
    if (!page.pageInfo.hasNextPage) return shown;
  }
}

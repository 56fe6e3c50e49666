import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { accepted } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH });
const PAGE = `query ($after: String, $before: String, $last: Int) {
  notes(after: $after, before: $before, last: $last) {
    edges { cursor node { title } }
    pageInfo { hasNextPage hasPreviousPage }
  }
}`;
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly title: string } }[];
  readonly pageInfo: object;
}

const tokens: Record<string, string> = {};
let readAfter: string;
/** Cursors of all notes, as staff see them. */
let cursors: ReadonlyMap<string, string>;

async function page(who: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Page> {
  const options = { token: tokens[who], headers: { 'read-after': readAfter } };
  const { data, text } = await app.query<{ notes: Page }>(PAGE, variables, options);
  expect(data, text).not.toBeNull();
  return data.notes;
}
const titles = ({ edges }: Page) => edges.map(({ node }) => node.title);

beforeAll(async () => {
  Object.assign(tokens, {
    ada: await customerToken(randomUUID()),
    bob: await customerToken(randomUUID()),
    clerk: await staffToken(),
  });
  for (const title of ['ada 1', 'bob 1', 'ada 2', 'bob 2', 'ada 3', 'bob 3']) {
    const token = tokens[title.slice(0, 3)];
    ({ token: readAfter } = await accepted(app, 'createNote', { title, content: 'x' }, { token }));
  }
  cursors = new Map((await page('clerk')).edges.map(({ cursor, node }) => [node.title, cursor]));
});

describe("a cursor of somebody else's row", () => {
  it('leads to the own rows beyond its place, in both directions, and to no others', async () => {
    const all = titles(await page('clerk'));
    for (const [title, cursor] of cursors) {
      const place = all.indexOf(title);
      const own = (some: readonly string[]) => some.filter((each) => each.startsWith('ada'));
      expect(titles(await page('ada', { after: cursor }))).toEqual(own(all.slice(place + 1)));
      expect(titles(await page('ada', { before: cursor, last: 10 }))).toEqual(own(all.slice(0, place)));
    }
  });

  it('is answered as one of a row that is not there', async () => {
    const cursor = cursors.get('bob 2') as string;
    const values = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as string[];
    const id = values.at(-1) as string;
    // Another id at the same instant.
    const next = id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    const absent = Buffer.from(JSON.stringify([...values.slice(0, -1), next])).toString('base64url');
    expect(await page('ada', { after: absent })).toEqual(await page('ada', { after: cursor }));
    expect(await page('ada', { before: absent, last: 1 })).toEqual(await page('ada', { before: cursor, last: 1 }));
  });
});

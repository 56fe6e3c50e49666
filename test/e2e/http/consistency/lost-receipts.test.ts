import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { registerCustomer } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });

/** A list that must not be null, and fails. */
const FAILS = 'query { notes(first: 1, after: "no cursor") { edges { cursor } } }';
const receipt = (more = '') => `... on CommandReceipt { commandId token ${more} }`;
const register = async () => (await registerCustomer(app)).aggregateId ?? '';
const rename = (id: string, name: string) => `renameCustomer(input: { customerId: "${id}", name: "${name}" })`;

interface Body {
  readonly data: unknown;
  readonly errors?: readonly { readonly path: readonly string[] }[];
  readonly extensions: {
    readonly accepted?: readonly Record<string, unknown>[];
    readonly consistency: { token: string };
  };
}

/** How a server-sent event or a body carries the answer. */
async function send(query: string, accept: string): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  const json = accept === 'text/event-stream' ? (/^data: (\{.*)$/m.exec(text)?.[1] ?? '') : text;
  return { status: response.status, body: JSON.parse(json) };
}

describe('an accepted command whose receipt has no place in the data, because what it reads fails', () => {
  it.each(['application/json', 'application/graphql-response+json', 'text/event-stream'])(
    'has its receipt in the extensions of the answer as %s',
    async (accept) => {
      const id = await register();
      const { status, body } = await send(`mutation { again: ${rename(id, 'Grace')} { ${receipt(FAILS)} } }`, accept);
      expect([status, body.data]).toEqual([200, null]);
      expect(body.errors).toMatchObject([{ path: ['again', 'query', 'notes'] }]);
      const { token } = body.extensions.consistency;
      expect(body.extensions.accepted).toEqual([
        { field: 'again', commandId: expect.any(String), aggregateId: id, version: 2, replayed: false, token },
      ]);
      const headers = { 'read-after': token };
      expect((await app.query(`{ customer(id: "${id}") { name version } }`, {}, { headers })).data).toEqual({
        customer: { name: 'Grace', version: 2 },
      });
    },
  );

  it('has an entry for each of several commands that were accepted, and for no other', async () => {
    const [one, other] = [await register(), await register()];
    const { body } = await send(
      `mutation {
        unknown: ${rename(randomUUID(), 'Nobody')} { ${receipt()} ... on Error { code } }
        one: ${rename(one, 'Grace')} { ${receipt()} }
        other: ${rename(other, 'Edsger')} { ${receipt(FAILS)} }
        never: ${rename(other, 'Barbara')} { ${receipt()} }
      }`,
      'application/json',
    );
    expect(body.data).toBeNull();
    expect(body.extensions.accepted?.map(({ field, version }) => [field, version])).toEqual([
      ['one', 2],
      ['other', 2],
    ]);
  });

  it('answers the same receipt when it is sent again', async () => {
    const id = await register();
    const commandId = randomUUID();
    const repeated = (name: string) =>
      `mutation { renameCustomer(input: { customerId: "${id}", name: "${name}" }, commandId: "${commandId}") { ${receipt(FAILS)} } }`;
    const first = await send(repeated('Grace'), 'application/json');
    const again = await send(repeated('Grace'), 'application/json');
    const [accepted] = first.body.extensions.accepted ?? [];
    expect(again.body.extensions.accepted).toEqual([{ ...accepted, replayed: true }]);
  });
});

describe('the extensions of an answer', () => {
  it('name no accepted command if its receipt is in the data, or if it was refused', async () => {
    const id = await register();
    const accepted = await send(`mutation { ${rename(id, 'Grace')} { ${receipt()} } }`, 'application/json');
    expect(accepted.body.data).not.toBeNull();
    const invalid = await send(
      `mutation { ${rename(id, '')} { ... on Error { code } ${receipt(FAILS)} } }`,
      'application/json',
    );
    expect(invalid.body.data).toMatchObject({ renameCustomer: { code: 'VALIDATION_FAILED' } });
    for (const { extensions } of [accepted.body, invalid.body])
      expect(Object.keys(extensions)).toEqual(['consistency']);
  });
});

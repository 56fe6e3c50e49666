import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Tokens } from '../../../src/kernel/consistency/token.ts';
import { registerCustomer } from '../../support/client/shop.ts';
import { useTransports, ways } from '../../support/client/transports.ts';
import { stall } from '../../support/postgres/stall.ts';
import { useApp } from '../../support/server/app.ts';

const app = useApp();
const open = useTransports(app);

interface CaughtUp {
  readonly caughtUp: { readonly projection: string; readonly token: string; readonly waitedMs: number };
}
const CAUGHT_UP = /* GraphQL */ `
  subscription ($token: ConsistencyToken!, $projections: [String!]) {
    caughtUp(token: $token, projections: $projections) { projection token waitedMs }
  }
`;

describe.each(ways)('caughtUp (%s)', (way) => {
  it('tells of each read model once that it has reached the token, and is complete', async () => {
    const { token } = await registerCustomer(app);
    const feed = open(way).subscribe<CaughtUp>(CAUGHT_UP, { token });
    expect(await feed.end()).toEqual({ how: 'complete' });
    const told = feed.messages.map(({ data }) => data?.caughtUp);
    const { tokens, projector } = app.engine;
    expect(told.map((message) => message?.projection).toSorted()).toEqual(projector.positions.names.toSorted());
    for (const message of told) {
      expect(tokens.decode(message?.token ?? '')).toBeGreaterThanOrEqual(tokens.decode(token));
      expect(message?.waitedMs).toBeGreaterThanOrEqual(0);
    }
  });

  it('tells of the read models that were named and of no other, each once', async () => {
    const { token } = await registerCustomer(app);
    const feed = open(way).subscribe<CaughtUp>(CAUGHT_UP, { token, projections: ['orders', 'orders', 'products'] });
    await feed.end();
    expect(feed.messages.map(({ data }) => data?.caughtUp.projection).toSorted()).toEqual(['orders', 'products']);
  });

  it('waits for the read model that is behind, and tells of the others meanwhile', async () => {
    const release = await stall(app.database, 'customers');
    const { token } = await registerCustomer(app);
    const feed = open(way).subscribe<CaughtUp>(CAUGHT_UP, { token, projections: ['customers', 'products'] });
    expect((await feed.data()).caughtUp.projection).toBe('products');
    expect(app.engine.projector.positions.waiting).toBe(1);
    expect(feed.ending).toBeUndefined();
    await release();
    expect((await feed.data()).caughtUp.projection).toBe('customers');
    expect(await feed.end()).toEqual({ how: 'complete' });
  });

  const strange = (): [string, object, string][] => [
    ['the name of no read model', { token: tokenOf(0), projections: ['nobodys'] }, 'BAD_USER_INPUT'],
    ['a token past the end of the log', { token: tokenOf(1_000_000) }, 'TOKEN_AHEAD'],
    ['something that is no token', { token: 'none' }, 'INVALID_TOKEN'],
    ['the token of another store', { token: new Tokens(randomUUID()).encode(1) }, 'FOREIGN_TOKEN'],
  ];
  const tokenOf = (position: number) => app.engine.tokens.encode(position);

  it('answers a token that it cannot wait for with one error that has a code', async () => {
    const transport = open(way);
    for (const [what, variables, code] of strange()) {
      const feed = transport.subscribe(CAUGHT_UP, { ...variables });
      expect(await feed.end(), what).toEqual({ how: 'complete' });
      expect(feed.messages, what).toHaveLength(1);
      expect(feed.messages[0]?.errors, what).toMatchObject([{ extensions: { code } }]);
    }
  });
});

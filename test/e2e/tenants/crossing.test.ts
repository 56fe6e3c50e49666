import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Feed } from '../../../src/testing/clients/feed.ts';
import type { TestApp } from '../../../src/testing/test-app.ts';
import { useTransports, type Way, ways } from '../../support/client/transports.ts';
import { fc } from '../../support/properties.ts';
import { TenantModel } from '../../support/tenants/tenant-model.ts';
import { clerkOf, modes, openTenants, tokenOf } from '../../support/tenants/tenants.ts';

const TENANTS = ['acme', 'globex', 'initech', 'hooli'] as const;
/** Only these subscribe, so that the others have a place although few tenants may be open. */
const SUBSCRIBERS = ['acme', 'globex'] as const;
const IDS = 3;

const ONE = 'query ($id: ID!) { customer(id: $id) { id name version } }';
const LIST = '{ customers(first: 100) { totalCount nodes { id name version } } }';
const NODE = 'query ($id: ID!) { node(id: $id) { id ... on Customer { name version } } }';
const UPDATES =
  'subscription ($id: ID!, $after: ConsistencyToken) { customerUpdated(id: $id, after: $after) { name } }';
const LIVE = 'subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { customer(id: $id) { name } } }';

const tenant = fc.constantFrom(...TENANTS);
const nth = fc.nat(IDS - 1);
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('register' as const), tenant, nth }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rename' as const), tenant, nth, checked: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      ...{ tenant, nth },
      how: fc.constantFrom('one', 'list', 'node', 'get', 'literal'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign' as const), tenant, of: tenant }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      tenant: fc.constantFrom(...SUBSCRIBERS),
      nth,
      way: fc.constantFrom<Way>(...ways),
      live: fc.boolean(),
    }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer Of> ? Of : never;

describe.skipIf(modes.length === 0).each(modes)('tenants kept apart by %s', (mode) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openTenants(mode, { TENANTS_OPEN: '3' });
  });
  afterAll(() => app?.close());
  const open = useTransports({
    get url() {
      return app.url;
    },
  });

  /** What each tenant must see, over all runs. */
  const models = new Map<string, TenantModel>(TENANTS.map((name) => [name, new TenantModel(name, TENANTS)]));
  const modelOf = (name: string) => models.get(name) as TenantModel;

  it('never cross, whatever they do on any transport', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 40 }), async (operations) => {
        const ids = Array.from({ length: IDS }, () => randomUUID());
        const feeds: { readonly feed: Feed; readonly tenant: string; readonly id: string }[] = [];
        try {
          for (const each of operations) await play(each, ids, feeds);
          for (const { feed, tenant: name, id } of feeds) {
            await rename(name, id, true);
            await feed.dataWhere((data) => JSON.stringify(data).includes(modelOf(name).customers.get(id)?.name ?? '-'));
          }
          for (const { feed, tenant: name } of feeds) modelOf(name).expectOwn(JSON.stringify(feed.messages));
        } finally {
          for (const { feed } of feeds) feed.stop();
        }
        for (const name of TENANTS) await readList(name);
      }),
      { numRuns: 6 },
    );
  });

  async function play(
    each: Operation,
    ids: readonly string[],
    feeds: { readonly feed: Feed; readonly tenant: string; readonly id: string }[],
  ): Promise<void> {
    const id = ids['nth' in each ? each.nth : 0] as string;
    switch (each.kind) {
      case 'register':
        return register(each.tenant, id);
      case 'rename':
        return rename(each.tenant, id, each.checked);
      case 'read':
        return each.how === 'list' ? readList(each.tenant) : readOne(each.tenant, id, each.how);
      case 'foreign':
        return readWithTokenOf(each.of, each.tenant, id);
      case 'subscribe': {
        const model = modelOf(each.tenant);
        const token = await tokenOf(app, each.tenant);
        const query = each.live ? LIVE : UPDATES;
        const feed = open(each.way, { token }).subscribe(query, { id, after: model.token });
        const known = model.customers.get(id);
        const { data, errors } = await feed.next();
        const expected = known ? { name: known.name } : null;
        if (each.live) expect(data).toEqual({ live: { customer: expected } });
        else if (known) expect(data).toEqual({ customerUpdated: expected });
        else expect(errors).toHaveLength(1);
        if (known) feeds.push({ feed, tenant: each.tenant, id });
        else feed.stop();
      }
    }
  }

  const clerk = (name: string) => app.as(clerkOf(name));

  /** All tenants use the same id of the command for the same customer. */
  async function register(name: string, id: string): Promise<void> {
    const model = modelOf(name);
    const input = { id, name: model.nextName(), email: 'same@example.org' };
    const outcome = await clerk(name).command('registerCustomer', input, { commandId: commandIdOf(id) });
    model.expectOwn(JSON.stringify(outcome));
    if (model.customers.has(id)) {
      expect(outcome.code).toBe('COMMAND_ID_REUSED');
    } else {
      expect(outcome).toMatchObject({ __typename: 'CommandReceipt', aggregateId: id, version: 1, replayed: false });
      model.accepted(id, input.name, outcome);
    }
  }

  async function rename(name: string, id: string, isChecked: boolean): Promise<void> {
    const model = modelOf(name);
    const known = model.customers.get(id);
    const input = { customerId: id, name: model.nextName() };
    const expectedVersion = isChecked ? known?.version : undefined;
    const outcome = await clerk(name).command('renameCustomer', input, expectedVersion ? { expectedVersion } : {});
    model.expectOwn(JSON.stringify(outcome));
    if (known) {
      expect(outcome).toMatchObject({ __typename: 'CommandReceipt', version: known.version + 1 });
      model.accepted(id, input.name, outcome);
    } else {
      expect(outcome.code).toBe('AGGREGATE_NOT_FOUND');
    }
  }

  async function readOne(name: string, id: string, how: string): Promise<void> {
    const model = modelOf(name);
    const variables = JSON.stringify({ id });
    const answer =
      how === 'get'
        ? await clerk(name).send({ method: 'GET', search: `?${new URLSearchParams({ query: ONE, variables })}` })
        : how === 'literal'
          ? await clerk(name).query(`{ customer(id: "${id}") { id name version } }`)
          : await clerk(name).query(how === 'node' ? NODE : ONE, { id });
    model.expectOwn(answer.text);
    const known = model.customers.get(id);
    expect(answer.data).toEqual({ [how === 'node' ? 'node' : 'customer']: known ? { id, ...known } : null });
  }

  async function readList(name: string): Promise<void> {
    const model = modelOf(name);
    const { data, text } = await clerk(name).query<{
      customers: { totalCount: number; nodes: { id: string; name: string; version: number }[] };
    }>(LIST);
    model.expectOwn(text);
    expect(data.customers.totalCount).toBe(model.customers.size);
    const rows = data.customers.nodes.map(({ id, ...row }) => [id, row] as const);
    expect(new Map(rows)).toEqual(model.customers);
  }

  async function readWithTokenOf(other: string, name: string, id: string): Promise<void> {
    const { token } = modelOf(other);
    if (token === undefined || other === name) return;
    const { code, data, text } = await clerk(name).query(ONE, { id }, { readAfter: token });
    modelOf(name).expectOwn(text);
    expect([code, data ?? null]).toEqual(['FOREIGN_TOKEN', null]);
  }
});

function commandIdOf(id: string): string {
  return id.replace(/^.{8}/, '00000000');
}

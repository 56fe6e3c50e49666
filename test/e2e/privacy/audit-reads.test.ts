import { describe, expect, it } from 'vitest';
import { runCli } from '../../cli/support.ts';
import { accepted, registerCustomer } from '../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const app = useApp({ env: { ...WITH_AUTH, AUDIT_READS: 'on' }, fulfils: false });
const open = useTransports(app);

const CUSTOMER =
  'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { id FIELDS } }';
const customerWith = (fields: string) => CUSTOMER.replace('FIELDS', fields);

async function registered(name = 'Ada') {
  const token = await staffToken();
  const { aggregateId: id, token: after } = await registerCustomer(app, { name, email: 'ada@example.org' }, { token });
  return { id, after, token };
}
const readsOf = (id: string) =>
  app.database
    .sql`select actor, roles, read_model, row_key, subject, fields from es.reads where row_key = ${id} order by id`;

describe('with AUDIT_READS', () => {
  it('records who has read whose personal data, and which fields', async () => {
    const { id, after, token } = await registered();
    const { data } = await app.query(customerWith('name email'), { id, token: after }, { token });
    expect(data).toMatchObject({ customer: { name: 'Ada' } });
    await until(async () => (await readsOf(id)).length > 0);
    const [read, ...more] = await readsOf(id);
    expect(more).toEqual([]);
    expect(read).toMatchObject({
      ...{ roles: ['staff'], read_model: 'customers', row_key: id, subject: `customer/${id}` },
      fields: ['name', 'email'],
    });
    expect(read?.actor).not.toBe('anonymous');
  });

  it('records nothing if an operation shows no personal field', async () => {
    const { id, after, token } = await registered();
    await app.query(customerWith('registeredAt version'), { id, token: after }, { token });
    await app.query(customerWith('name'), { id, token: after }, { token });
    await until(async () => (await readsOf(id)).length > 0);
    expect((await readsOf(id)).map(({ fields }) => fields)).toEqual([['name']]);
  });

  it('records each person in a list, once for an operation', async () => {
    const [one, other] = [await registered('Eve'), await registered('Eva')];
    const list = '{ customers(first: 50) { nodes { name also: name } } }';
    await app.query(list, {}, { token: one.token, headers: { 'read-after': other.after } });
    await until(async () => (await readsOf(other.id)).length > 0);
    for (const { id } of [one, other]) expect(await readsOf(id)).toHaveLength(1);
  });

  it.each(['WebSocket', 'SSE by POST'] as const)('records each subscriber of a message over %s', async (way) => {
    const { id, after } = await registered();
    const tokens = [await staffToken(), await customerToken(id)];
    const document =
      'subscription ($id: ID!, $after: ConsistencyToken!) { customerUpdated(id: $id, after: $after) { name } }';
    const feeds = tokens.map((token) => open(way, { token }).subscribe(document, { id, after }));
    for (const feed of feeds) await feed.next();
    await accepted(app, 'renameCustomer', { customerId: id, name: 'Countess' }, { token: await staffToken() });
    for (const feed of feeds)
      expect(await feed.next()).toMatchObject({ data: { customerUpdated: { name: 'Countess' } } });
    await until(async () => new Set((await readsOf(id)).map(({ actor }) => actor)).size === 2);
  });

  it('lists reads by whose data they show, by who has read, and by time', async () => {
    const [one, other] = [await registered('Lis'), await registered('Lot')];
    for (const { id, after, token } of [one, other])
      await app.query(customerWith('name'), { id, token: after }, { token });
    await until(async () => (await readsOf(one.id)).length + (await readsOf(other.id)).length === 2);
    const list = async (...args: string[]) => {
      const { code, stdout } = await runCli(app.database.url, ['reads', 'list', '--json', ...args]);
      expect(code).toBe(0);
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    };
    const [read, ...more] = await list('--subject', `customer/${one.id}`);
    expect(more).toEqual([]);
    expect(read).toMatchObject({ rowKey: one.id, readModel: 'customers', fields: ['name'], roles: ['staff'] });
    const byActor = await list('--actor', read.actor, '--last', '1000');
    expect(byActor.length).toBeGreaterThan(0);
    expect(new Set(byActor.map(({ actor }) => actor))).toEqual(new Set([read.actor]));
    expect(await list('--subject', read.subject, '--from', read.at)).toHaveLength(1);
    expect(await list('--subject', read.subject, '--to', read.at)).toEqual([]);
    const { stdout } = await runCli(app.database.url, ['reads', 'list', '--subject', read.subject]);
    expect(stdout).toMatch(/actor +subject/);
    expect(stdout).toContain(read.correlationId);
    expect(await runCli(app.database.url, ['reads', 'list', '--from', 'yesterday'])).toMatchObject({ code: 2 });
  });

  it('writes what waits before the server stops', async () => {
    const { id, after, token } = await registered();
    await app.query(customerWith('name'), { id, token: after }, { token });
    await app.stop();
    expect(await readsOf(id)).toHaveLength(1);
    await app.start();
  });
});

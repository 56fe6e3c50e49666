import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Readiness } from '../../../src/server/operations/health.ts';
import { accepted, registerCustomer } from '../../support/client/shop.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { type PostgresProxy, useProxy } from '../../support/postgres/proxy.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const SOON = { deadline: 45_000 };

describe('a server whose connections fall silent without closing', () => {
  const database = useDatabase();
  const openProxy = useProxy(database);
  let between: PostgresProxy;
  beforeEach(async () => {
    between = await openProxy();
  });
  const app = useApp({
    per: 'test',
    fulfils: false,
    database: {
      get url() {
        return between.url;
      },
      get sql() {
        return database.sql;
      },
    },
  });
  const readiness = async () => {
    const response = await fetch(`${app.url}/readyz`);
    return { status: response.status, reasons: ((await response.json()) as Readiness).reasons };
  };
  const NAME = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) { customer(id: $id) { name } }`;

  it('continues by itself with new ones: commands, projections and reads', async () => {
    const { aggregateId: id } = await registerCustomer(app);
    between.silence();
    const { token } = await accepted(app, 'renameCustomer', { customerId: id, name: 'Countess' });
    const answer = await until(async () => {
      const read = await app.query(NAME, { id, token });
      return read.errors === undefined && read;
    }, SOON);
    expect(answer).toMatchObject({ data: { customer: { name: 'Countess' } } });
    await until(async () => (await readiness()).status === 200, SOON);
  });

  it('finds what was committed before the answer was lost, and does not repeat it', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    between.silence('answers');
    expect((await accepted(app, 'renameCustomer', { customerId, name: 'Countess' })).version).toBe(2);
    const [events] = await database.sql`select count(*)::int as n from es.events where stream_id = ${customerId}`;
    expect(events?.n).toBe(2);
  });

  it('reports in /readyz which work is not done if new connections are silent too', async () => {
    await until(async () => (await readiness()).status === 200, SOON);
    between.holdAnswers(['afterwrite writer', 'afterwrite projector', 'afterwrite reader', 'afterwrite leases']);
    const told = await until(async () => {
      const now = await readiness();
      return now.reasons.length >= 4 && now;
    }, SOON);
    expect(told).toEqual({
      status: 503,
      reasons: ['appending', 'projecting', 'reading', 'leases'].map((work) =>
        expect.stringMatching(`^The connections for ${work} have not been answered for \\d+ s\\.$`),
      ),
    });
    between.passAnswers();
    await until(async () => (await readiness()).status === 200, SOON);
  });
});

describe('two servers, one of which is silent', () => {
  const database = useDatabase({ tables: [countersTable] });
  const openProxy = useProxy(database);
  const open = useEngine(database, [counterDomain]);
  const openOne = (engine: Awaited<ReturnType<typeof open>>) =>
    engine.bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, { ...system, commandId: randomUUID() });
  const owner = async () => {
    const [row] = await database.sql`select owner from read.checkpoints where projection = 'counters@1'`;
    return row?.owner as string | null;
  };

  it('the other one takes its read models over, although its leases could still be renewed', async () => {
    const between = await openProxy();
    const silent = await open({ url: between.url, start: true });
    await openOne(silent);
    await silent.projector.positions.reached('counters', 1, {});
    const before = await owner();
    expect(before).not.toBeNull();
    const other = await open({ start: true });
    between.holdAnswers(['afterwrite projector']);
    // It has to be known for 8 seconds that nothing is answered, and a lease lasts for 3.
    await until(async () => ![before, null].includes(await owner()), SOON);
    await openOne(other);
    await other.projector.positions.reached('counters', 2, {});
    expect(silent.projector.status()).toMatchObject([{ name: 'counters', isOurs: false }]);
  });
});

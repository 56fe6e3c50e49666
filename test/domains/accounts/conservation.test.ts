import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { accountsDomain, deposit, openAccount, transfer } from '../../../src/domains/accounts/index.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import type { Receipt } from '../../../src/kernel/define/command-outcome.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { type PostgresProxy, useProxy } from '../../support/postgres/proxy.ts';
import { fc } from '../../support/properties.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [accountsDomain]);

/** Accounts of one world: three that pay each other, one in another currency, one that has no room, and one that there is not. */
const KINDS = ['GBP', 'GBP', 'GBP', 'EUR', 'full', 'none'] as const;
const account = fc.nat({ max: KINDS.length - 1 });
const wish = fc.record({ from: account, to: account, amount: fc.integer({ min: 1, max: 150 }) });

/**
 * Faults of a server: its connections break; they break and cannot be made again for a while; another server takes over
 * its processes without its knowledge; it is stopped and replaced; it disappears and is replaced; the checkpoints of
 * the processes are lost.
 */
const fault = fc.record({
  what: fc.constantFrom('cut', 'away', 'expire', 'replace', 'abandon', 'forget'),
  server: fc.nat({ max: 1 }),
  /** Happens when the log has grown by this many events. */
  after: fc.integer({ min: 1, max: 25 }),
});
type Fault = typeof fault extends fc.Arbitrary<infer T> ? T : never;

interface Server {
  readonly engine: TestEngine;
  readonly proxy: PostgresProxy;
}
async function startServer(): Promise<Server> {
  const proxy = await openProxy();
  return { proxy, engine: await openEngine({ url: proxy.url, start: true }) };
}

/** Issues a command until some server answers it, always under one id. */
async function insist(servers: readonly Server[], command: Command, input: object): Promise<Receipt | 'refused'> {
  const commandId = randomUUID();
  for (let attempt = 0; ; attempt++) {
    const server = servers[attempt % servers.length];
    try {
      const outcome = await server?.engine.bus.executeUnchecked(command, input, { ...system, commandId });
      if (outcome) return outcome.kind === 'rejected' ? 'refused' : receiptOf(outcome);
    } catch (error) {
      if (attempt > 1000 || (error as Error).message.startsWith('The command was not accepted')) throw error;
      await until(() => true);
    }
  }
}

const head = async () =>
  (await database.sql`select coalesce(max(position), 0)::int as head from es.events`)[0]?.head as number;

/** Servers that no longer reach the database, and have not been stopped. */
const abandoned: Server[] = [];

async function happen({ what, server, after }: Fault, servers: Server[]): Promise<void> {
  const from = await head();
  // If nothing else happens any more, it happens anyway.
  await until(async () => (await head()) >= from + after, { deadline: 300 }).catch(() => undefined);
  const victim = servers[server];
  if (!victim) return;
  if (what === 'cut') victim.proxy.cut();
  if (what === 'away') {
    victim.proxy.refuse(true);
    victim.proxy.cut();
    await until(async () => (await head()) >= from + after + 10, { deadline: 500 }).catch(() => undefined);
    victim.proxy.refuse(false);
  }
  if (what === 'expire') {
    await database.sql`update read.checkpoints set lease_until = now() - interval '1 minute'`;
    await database.sql`update read.instances set alive_until = now() - interval '1 minute'`;
  }
  if (what === 'replace') {
    servers[server] = await startServer();
    await victim.engine.close();
  }
  if (what === 'abandon') {
    victim.proxy.refuse(true);
    victim.proxy.cut();
    servers[server] = await startServer();
    abandoned.push(victim);
  }
  if (what === 'forget') await database.sql`delete from read.checkpoints where projection like 'process:%'`;
}

/**
 * The money in these accounts, and the money that has left one of them and has not arrived anywhere, read by one
 * statement.
 */
async function money(accounts: readonly string[]): Promise<{ total: bigint; lowest: bigint }> {
  const [row] = await database.sql<{ total: string; lowest: string }[]>`
    with lines as (
      select stream_id, version, type, (data ->> 'balance')::numeric as balance, data ->> 'transferId' as transfer,
             (data #>> '{amount,amount}')::numeric as amount
      from es.events where stream_type = 'Account' and stream_id = any(${accounts}::uuid[]) and data ? 'balance'
    )
    select (select coalesce(sum(balance), 0) from lines l
            where version = (select max(version) from lines o where o.stream_id = l.stream_id))
         + (select coalesce(sum(case type when 'MoneySent' then amount when 'MoneyReceived' then -amount
                                when 'MoneyReturned' then -amount else 0 end), 0) from lines) as total,
           (select coalesce(min(balance), 0) from lines) as lowest`;
  return { total: BigInt(row?.total ?? 0), lowest: BigInt(row?.lowest ?? 0) };
}

const OVER = ['TransferCompleted', 'TransferFailed', 'TransferRefunded'];
/** How each of these transfers has ended: every ending that is in the log. */
async function endings(transfers: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>(transfers.map((id) => [id, []]));
  for (const { stream_id, type } of await database.sql`
    select stream_id, type from es.events where stream_id = any(${transfers}::uuid[]) and type = any(${OVER}) order by position`)
    found.get(stream_id)?.push(type);
  return found;
}

/** All events, as they are in the log. */
async function everything({ engine }: Server): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const more = await engine.log.read(events.at(-1)?.position ?? 0, 1000);
    if (more.length === 0) return events;
    events.push(...more);
  }
}

it('money is neither made nor lost, and every transfer ends, whatever breaks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(wish, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 5 }),
      fc.array(fault, { minLength: 2, maxLength: 4 }),
      async (lanes, faults) => {
        const servers = [await startServer(), await startServer()];
        const ids: string[] = KINDS.map(() => randomUUID());
        for (const [nth, kind] of KINDS.entries()) {
          if (kind === 'none') continue;
          const currency = kind === 'EUR' ? 'EUR' : 'GBP';
          await insist(servers, openAccount, { id: ids[nth], owner: 'Ada', currency });
          const amount = { amount: kind === 'full' ? Number.MAX_SAFE_INTEGER : 200, currency };
          await insist(servers, deposit, { accountId: ids[nth], amount });
        }
        // A kind that has begun nothing yet leaves no trace of what it was asked.
        const first = { id: randomUUID(), fromAccountId: ids[0], toAccountId: ids[1] };
        await insist(servers, transfer, { ...first, amount: { amount: 1, currency: 'GBP' } });
        await until(async () => (await endings([first.id])).get(first.id)?.length === 1);

        const { total } = await money(ids);
        expect(total).toBe(BigInt(Number.MAX_SAFE_INTEGER) + 800n);

        const begun: string[] = [];
        let isOver = false;
        const watching = (async () => {
          while (!isOver) {
            const seen = await money(ids);
            expect(seen.total).toBe(total);
            expect(seen.lowest).toBeGreaterThanOrEqual(0n);
          }
        })();
        // The error is thrown later, when this is awaited. Something else may have failed before.
        watching.catch(() => undefined);
        const clients = lanes.map(async (wishes) => {
          for (const { from, to, amount } of wishes) {
            const id = randomUUID();
            const input = { id, fromAccountId: ids[from], toAccountId: ids[to], amount: { amount, currency: 'GBP' } };
            if ((await insist(servers, transfer, input)) !== 'refused') begun.push(id);
          }
        });
        const done = Promise.all(clients);
        done.catch(() => undefined);
        for (const next of faults) await happen(next, servers);
        await done;
        await until(async () => [...(await endings(begun)).values()].every((ends) => ends.length > 0));
        // The accounts still have to forget their transfers.
        await until(
          async () =>
            (
              await database.sql`
              select 1 from es.events sent where stream_id = any(${ids}::uuid[]) and type in ('MoneySent', 'MoneyReceived')
                and not exists (select from es.events e where e.stream_id = sent.stream_id and e.type in ('MoneyReturned', 'TransferClosed')
                                and e.data ->> 'transferId' = sent.data ->> 'transferId')`
            ).length === 0,
        );
        isOver = true;
        await watching;

        expect([...(await endings(begun)).values()].filter((ends) => ends.length !== 1)).toEqual([]);
        const [server] = servers as [Server];
        const position = await head();
        const { projector, database: opened } = server.engine;
        const log = await everything(server);
        for (const projection of accountsDomain.projections as readonly Projection[]) {
          expect(await projector.positions.reached(projection.name, position, { timeoutMs: 30_000 })).toBe(true);
          expect(await rowsOf(opened.projector.db, projection)).toEqual(expectedRows(projection, log));
        }
        for (const { proxy } of abandoned) proxy.refuse(false);
        await Promise.all([...servers, ...abandoned.splice(0)].map(({ engine }) => engine.close()));
      },
    ),
    { numRuns: 2, endOnFailure: true },
  );
}, 240_000);

import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineProcess, issue } from '../../../src/kernel/define/process-manager/process.ts';
import { reaching } from '../../../src/kernel/process/process-commands.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import {
  Delivery,
  ParcelSent,
  PostageDue,
  parcelDomain,
  returnParcel,
  sendParcel,
} from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

/** The process's fault, while there is one. */
const faulty = { process: false, react: new Set<string>() };
const Careless = defineProcess('Careless', {
  initialState: () => ({}),
  events: { PostageDue },
  evolve: { PostageDue: unchanged },
  reactsTo: { ParcelSent },
  issues: { returnParcel },
  on: {
    ParcelSent: {
      process: ({ streamId }) => {
        if (faulty.process) throw new Error('Whose is it?');
        return streamId;
      },
      begins: true,
      react: (_, { streamId, data }) => {
        if (faulty.react.has(data.to)) throw new Error('It is too heavy.');
        return issue(returnParcel, { parcelId: streamId, reason: 'careless' });
      },
    },
  },
});
const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...parcelDomain, processes: [Careless] }]);

const returned = async () =>
  (await database.sql`select stream_id from es.events where type = 'ParcelReturned'`).map(({ stream_id }) => stream_id);
const row = async () =>
  (await database.sql`select failure from read.checkpoints where projection = 'process:Careless'`)[0]?.failure;

it('an error while finding the process of an event is reported and retried', async () => {
  faulty.process = true;
  const engine = await openEngine({ start: true });
  const { aggregateId } = receiptOf(await engine.bus.execute(sendParcel, { to: randomUUID(), postage: 1 }, system));
  await until(() => engine.processes.status()[0]?.state === 'STALLED');
  faulty.process = false;
  await until(async () => (await returned()).includes(aggregateId));
  await until(() => engine.processes.status()[0]?.state === 'RUNNING');
});

it('of a process that stands still all servers know, while others go on', async () => {
  const engine = await openEngine({ start: true });
  const other = await openEngine({ start: true, projector: 'off' });
  const [one, two] = [randomUUID(), randomUUID()];
  for (const to of [one, two]) faulty.react.add(to);
  const send = async (to: string) =>
    receiptOf(await engine.bus.execute(sendParcel, { to, postage: 1 }, system)).aggregateId;
  const stuck = [await send(one), await send(two)];
  const fine = await send(randomUUID());
  await until(async () => (await returned()).includes(fine));
  await until(() => other.processes.status()[0]?.failure?.includes('It is too heavy.') === true);
  expect(other.processes.status()).toMatchObject([
    { name: 'Careless', kind: 'PROCESS', state: 'STALLED', isOurs: false, owner: expect.stringContaining(':') },
  ]);
  // Parked, they hold the checkpoint back no longer.
  await until(() => other.processes.status()[0]?.parked === 2);
  await until(() => engine.processes.status()[0]?.lag === 0);
  // A kind that continues does not hide the other's fault.
  faulty.react.delete(one);
  await until(async () => (await returned()).includes(stuck[0]));
  expect(engine.processes.status()[0]?.state).toBe('STALLED');
  faulty.react.delete(two);
  await until(async () => (await returned()).includes(stuck[1]));
  await until(async () => (await row()) === null);
  expect(engine.processes.status()[0]).toMatchObject({ state: 'RUNNING', failure: null, isOurs: true });
});

it('deadlines of two kinds with one id, one name and one time are told to each', () => {
  const [at, id] = [new Date(0), randomUUID()];
  const ids = [Careless, Delivery].map((process) => reaching(process as never, id, 'arrival', at).commandId);
  expect(new Set(ids).size).toBe(2);
});

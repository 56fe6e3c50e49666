import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getTableName } from 'drizzle-orm';
import postgres from 'postgres';
import { customersTable } from '../src/domains/customers/read-models.ts';
import { FileKeyring } from '../src/kernel/privacy/file-keyring/file-keyring.ts';
import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atLeast, below, type Measurement, ratio } from './support/measuring/result.ts';
import { callsPerSecond, perSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { commandDocument, openApi } from './support/running/api.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/running/engine.ts';
import { measureErasures } from './support/running/erasing.ts';
import { peopleDomain, readLog, rename, writePeople } from './support/workloads/people.ts';

const CALLERS = 32;
const SLICE_MS = 250;
const PEOPLE = 1000;
const RENAMINGS = 19;
/** Customers that a page shows. */
const PAGE_SIZE = 20;
const REGISTER = commandDocument('registerCustomer', 'RegisterCustomerInput');
const READ = 'query Read($id: ID!) { customer(id: $id) { id name email } }';
const PAGE = `{ customers(first: ${PAGE_SIZE}) { nodes { id name email } } }`;

/** What it costs to encrypt personal data, to record who reads it, and to erase people. */
export const benchmark: Benchmark = {
  name: 'privacy',
  run: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'afterwrite-bench-'));
    try {
      const encrypted = await measureEncryption(context, join(folder, 'keyring'));
      const recorded = await measureRecording(context, join(folder, 'recording'));
      const sizes = context.quick ? [1000] : [10_000, 100_000];
      const erasures = await measureErasures(context, sizes, join(folder, 'erasing'));
      const [commands, alone, reading, filling] = encrypted.ratios;
      const times = (found: { readonly rounds: readonly number[] } | undefined) => median(found?.rounds ?? []);
      return {
        benchmark: 'privacy',
        setting:
          `Encryption: ${encrypted.people} customers with names and e-mail addresses, each renamed ${RENAMINGS} times, in a store with a keyring (a ` +
          'file) and in one without: commands in the process of the engine, reading the log, filling the read model `customers`, ' +
          `and bytes of the log and its indexes. Recorded reads: a customer by id and a page of ${PAGE_SIZE} over HTTP by ${CALLERS} callers, with ` +
          'AUDIT_READS and without. Erasures: one person of a log in which each has ten events. All in turn.',
        measurements: [...encrypted.measured, ...recorded.measured, ...erasures],
        ratios: [...encrypted.ratios, ...recorded.ratios],
        goals: [
          atLeast(0.7, `times as many commands by ${CALLERS} callers with a keyring as without`, times(commands)),
          atLeast(0.7, 'times as many commands by 1 caller with a keyring as without', times(alone)),
          atLeast(0.3, 'times the speed of reading the log with a keyring as without', times(reading)),
          atLeast(0.3, 'times the speed of filling a read model with a keyring as without', times(filling)),
          below(1000, 'ms until nobody can read a person who is erased', times(erasures.at(-3))),
        ],
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function measureEncryption({ postgres: server, rounds, seconds, quick, say }: BenchContext, path: string) {
  const people = quick ? PEOPLE / 50 : PEOPLE;
  const events = people * (1 + RENAMINGS);
  const stores = [
    {
      who: 'Afterwrite, with a keyring',
      url: await prepareDatabase(server, 'privacy'),
      keyring: await FileKeyring.create(path),
    },
    { who: 'Afterwrite', url: await prepareDatabase(server, 'privacy_without'), keyring: undefined },
  ];
  const engines: BenchEngine[] = [];
  try {
    say(`  registering and renaming ${people} people`);
    const contenders = [];
    const disk: Measurement[] = [];
    for (const { who, url, keyring } of stores) {
      const open = () => openEngine(url, [peopleDomain], { keyring });
      const engine = await open();
      engines.push(engine);
      await engine.start();
      const ids = await writePeople(engine, people, RENAMINGS);
      // Before commands are measured, so that both have the same events.
      const bytes = await bytesOfEvent(url);
      disk.push({
        chart: 'Disk, for an event with personal data',
        at: '',
        who,
        unit: 'bytes',
        rounds: Array(rounds).fill(bytes),
      });
      let turn = 0;
      const next = () => rename(engine, ids[turn++ % people] as string);
      const commands = (callers: number) => () => callsPerSecond(callers, SLICE_MS, next);
      const shown = { chart: 'Commands with personal data', unit: 'commands/s', who } as const;
      const log = { at: '', unit: 'events/s', who } as const;
      contenders.push([
        { ...shown, at: `${CALLERS} callers`, run: commands(CALLERS) },
        { ...shown, at: '1 caller', run: commands(1) },
        {
          ...log,
          chart: 'Reading a log with personal data',
          run: () => perSecond(events, () => readLog(engine.log, events)),
        },
      ]);
    }
    const measured = await inPasses(contenders.flat(), { rounds, passes: quick ? 1 : seconds }, say);
    // Nobody else may fill the tables that are filled again.
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
    const filled = await inPasses(
      stores.map(({ who, url, keyring }) => ({
        ...{ chart: 'Filling a read model with personal data', at: '', unit: 'events/s' as const, who },
        run: () => fillAgain(url, () => openEngine(url, [peopleDomain], { keyring })),
      })),
      { rounds, passes: 1 },
      say,
    );
    const [encrypted, plain] = [measured.slice(0, measured.length / 2), measured.slice(measured.length / 2)];
    const all = [...encrypted.map((with_, nth) => ({ with_, without: plain[nth] as Measurement }))];
    const [ofKeyring, without] = filled as [Measurement, Measurement];
    const ratios = [...all, { with_: ofKeyring, without }].map(({ with_, without: other }) => ({
      ...ratio(with_, other),
      of: `${with_.chart}, ${with_.at || 'with a keyring'}`,
    }));
    return { people, measured: [...measured, ...filled, ...disk], ratios };
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

/** Measures from empty tables and checkpoints at 0 to the end of the log, in events/s. */
async function fillAgain(url: string, open: () => Promise<BenchEngine>): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`truncate ${sql(`read.${getTableName(customersTable)}`)}`;
  await sql`delete from read.checkpoints`;
  await sql.end();
  const engine = await open();
  try {
    const { position } = await engine.log.head();
    return await perSecond(position, async () => {
      await engine.start();
      await engine.projector.positions.reached('customers', position);
    });
  } finally {
    await engine.close();
  }
}

async function measureRecording({ postgres: server, rounds, seconds, quick, say }: BenchContext, path: string) {
  const open = async (name: string, settings: Readonly<Record<string, string>>) => {
    await FileKeyring.create(`${path}.${name}`);
    const keyring = { KEYRING_URL: `file:${path}.${name}` };
    const url = await prepareDatabase(server, `privacy_${name}`);
    return openApi(url, { domains: ['customers'], connections: CALLERS, settings: { ...keyring, ...settings } });
  };
  const recording = await open('recorded', { AUDIT_READS: 'on' });
  const plain = await open('unrecorded', {});
  try {
    const contenders = [];
    for (const { who, api } of [
      { who: 'Afterwrite, reads recorded', api: recording },
      { who: 'Afterwrite', api: plain },
    ]) {
      let id = '';
      for (let nth = 0; nth < PAGE_SIZE; nth++) {
        ({ aggregateId: id } = await api.command(REGISTER, { name: `Ada ${nth}`, email: 'ada@example.org' }));
      }
      const shown = { unit: 'requests/s', at: '', who } as const;
      const rate = (call: () => Promise<unknown>) => () => callsPerSecond(CALLERS, SLICE_MS, call);
      contenders.push([
        { ...shown, chart: 'Reads of a person by id', run: rate(() => api.request(READ, { id })) },
        { ...shown, chart: `Reads of ${PAGE_SIZE} people`, run: rate(() => api.request(PAGE)) },
      ]);
    }
    const measured: Measurement[] = await inPasses(contenders.flat(), { rounds, passes: quick ? 1 : seconds }, say);
    const half = measured.length / 2;
    const ratios = measured
      .slice(0, half)
      .map((with_, nth) => ({ ...ratio(with_, measured[half + nth] as Measurement), of: `${with_.chart}, recorded` }));
    return { measured, ratios };
  } finally {
    await Promise.all([recording.close(), plain.close()]);
  }
}

async function bytesOfEvent(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const [row] = await sql<{ bytes: number }[]>`
    select pg_total_relation_size('es.events')::float8 / count(*) as bytes from es.events`;
  await sql.end();
  return row?.bytes ?? 0;
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { auditLog } from '../../../src/kernel/audit/audit-log.ts';
import type { SigningOptions } from '../../../src/kernel/audit/engine-audit.ts';
import { originHash } from '../../../src/kernel/proof/hashes.ts';
import { LogFault } from '../../../src/kernel/proof/log-fault.ts';
import {
  headHash,
  headLine,
  keyIdOf,
  readHead,
  readHeadLine,
  signHead,
} from '../../../src/kernel/proof/signed-head.ts';
import { openWitness } from '../../../src/server/audit/witnesses.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { forge, newSigningKey } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);
const key = newSigningKey();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const open = (parts: Partial<SigningOptions> = {}) =>
  openEngine({ start: true, signing: { key, intervalMs: 20, witness: undefined, ...parts } });

const appendOne = (engine: TestEngine) => engine.log.append([anAppend({ streamId: randomUUID() })]);

async function positions(): Promise<number[]> {
  const rows = await database.sql<{ position: number }[]>`select position::int from es.heads order by 1`;
  return rows.map(({ position }) => position);
}

/** The positions of heads as a witness gets them; each is verified to be one. */
function positionsOf(text: string): (number | undefined)[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => readHead(readHeadLine(line)?.text ?? '')?.position);
}

async function aFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'witness-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  return join(folder, 'heads.ndjson');
}

const anySignal = new AbortController().signal;

/** A head as a witness is given it. */
function headOf(
  position: number,
  origin = 'any',
  before?: { readonly line: string },
): { readonly position: number; readonly line: string } {
  const content = {
    ...{ origin: originHash(origin), position, hash: originHash('hash'), root: originHash('root') },
    ...{
      previous: before && headHash(readHeadLine(before.line)?.text ?? ''),
      signedAt: new Date(position),
      keyId: keyIdOf(key.privateKey),
    },
  };
  return { position, line: headLine(signHead(content, key.privateKey)) };
}

const fileWitness = (path: string) => openWitness(pathToFileURL(path).href);

/**
 * A server that keeps what it is sent, and answers with the given statuses, then 204. With `objects` it is a store of them, which
 * overwrites none if it is asked not to.
 */
async function aServer({ statuses = [], objects }: { statuses?: number[]; objects?: Map<string, string> } = {}) {
  const requests: {
    method: string | undefined;
    url: string | undefined;
    authorization: string | undefined;
    body: string;
  }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    requests.push({ method, url, authorization: headers.authorization, body });
    if (objects && url !== undefined) {
      const had = objects.get(url);
      if (method === 'GET') return void response.writeHead(had === undefined ? 404 : 200).end(had);
      if (had !== undefined && headers['if-none-match'] === '*') return void response.writeHead(412).end();
      objects.set(url, body);
    }
    response.writeHead(statuses.shift() ?? 204).end('no reason');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

describe('an engine that signs', () => {
  it('signs each state of the log once, at intervals', async () => {
    const engine = await open();
    await appendOne(engine);
    await until(async () => (await positions()).includes(1));
    await appendOne(engine);
    await appendOne(engine);
    await until(async () => (await positions()).at(-1) === 3);
    const before = await positions();
    await engine.close();
    expect(await positions()).toEqual(before);
    expect(engine.faults).toEqual([]);
  });

  it('signs what is new when it stops', async () => {
    const engine = await open({ intervalMs: 3_600_000 });
    await appendOne(engine);
    await engine.close();
    expect((await positions()).at(-1)).toBe(1);
  });

  it('signs as one of several instances, which continue each other', async () => {
    const engines = await Promise.all([open(), open(), open()]);
    for (const engine of engines) {
      await Promise.all(engines.map(appendOne));
      await engine.close();
      engines.splice(engines.indexOf(engine), 1, await open());
    }
    await Promise.all(engines.map(({ close }) => close()));
    const engine = await openEngine();
    const { db } = engine.database.owner;
    const audit = await auditLog(db, { keys: key.publicKeys, signal: AbortSignal.timeout(10_000) });
    expect(audit).toMatchObject({ fault: undefined, to: 9, lastHead: { position: 9 } });
  });

  it('signs nothing after a log that was altered, and says so', async () => {
    const unsigned = await openEngine({ start: true });
    await appendOne(unsigned);
    await forge(database, `update es.events set data = '{"by": 7}'`);
    await unsigned.close();
    const engine = await open();
    await until(() => engine.faults.length > 0);
    expect(engine.faults[0]).toMatchObject({ error: { code: 'LOG_ALTERED', from: 1 }, context: { part: 'audit' } });
    // It goes on serving: what was altered is for people to decide.
    await appendOne(engine);
    await engine.close();
    expect(await positions()).toEqual([]);
  });
});

describe('a file as witness', () => {
  it('gets every head once and in order, over restarts', async () => {
    const path = await aFile();
    for (let run = 0; run < 3; run++) {
      const engine = await open({ witness: fileWitness(path) });
      await appendOne(engine);
      await engine.close();
    }
    const heads = await positions();
    expect(heads.at(-1)).toBe(3);
    expect(positionsOf(await readFile(path, 'utf8'))).toEqual(heads);
  });

  it('keeps what it has under another name, and another file begins with the newest head', async () => {
    const path = await aFile();
    for (let run = 0; run < 3; run++) {
      const engine = await open({ witness: fileWitness(path) });
      await appendOne(engine);
      await engine.close();
    }
    const before = await readFile(path, 'utf8');
    await database.sql`update es.signer set witness = 'another'`;
    await (await open({ witness: fileWitness(path) })).close();
    expect(await readFile(path, 'utf8')).toBe(before);
    const copy = `${path}.copy`;
    await (await open({ witness: fileWitness(copy) })).close();
    expect(await readFile(copy, 'utf8')).toBe(before.slice(before.lastIndexOf('\n', before.length - 2) + 1));
  });

  it('loses the start of a line that a crash has left, and gets the line again', async () => {
    const path = await aFile();
    const engine = await open({ witness: fileWitness(path) });
    await appendOne(engine);
    await engine.close();
    const before = await readFile(path, 'utf8');
    await truncate(path, before.length - 10);
    await database.sql`update es.signer set witnessed = 0, receipt = null`;
    await (await open({ witness: fileWitness(path) })).close();
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('takes no head of a log that was restored from a backup', async () => {
    const path = await aFile();
    const engine = await open({ witness: fileWitness(path) });
    await appendOne(engine);
    await appendOne(engine);
    await engine.close();
    await forge(database, 'delete from es.events; delete from es.heads; delete from es.streams;');
    const before = await readFile(path, 'utf8');
    await database.sql`update es.signer set witnessed = 0, receipt = null`;
    const restored = await open({ witness: fileWitness(path), intervalMs: 50 });
    await appendOne(restored);
    await until(() => restored.faults.length > 0);
    expect(restored.faults[0]).toMatchObject({
      error: { code: 'LOG_ALTERED', message: expect.stringContaining('restored from a backup') },
    });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('that is no file of heads is left alone', async () => {
    const path = await aFile();
    for (const text of ['my notes\n', 'my notes', 'x'.repeat(10_000), `one\n${'x'.repeat(10_000)}`]) {
      await writeFile(path, text);
      await expect(fileWitness(path).take(headOf(7), anySignal)).rejects.toThrow(LogFault);
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });

  it('keeps a head whose line feed a copy has lost', async () => {
    const path = await aFile();
    const one = headOf(7);
    const two = headOf(9, undefined, one);
    await writeFile(path, one.line);
    await fileWitness(path).take(two, anySignal);
    expect(await readFile(path, 'utf8')).toBe(`${one.line}\n${two.line}\n`);
  });

  it('is only ever appended to: what a crash has left of a line is completed', async () => {
    const path = await aFile();
    const one = headOf(7);
    const [two, three] = [headOf(9, undefined, one), headOf(9, 'restored', one)];
    await fileWitness(path).take(one, anySignal);
    const torn = `${one.line}\n${two.line.slice(0, -20)}`;
    await writeFile(path, torn);
    await expect(fileWitness(path).take(three, anySignal)).rejects.toThrow('ends with something that is no head');
    expect(await readFile(path, 'utf8')).toBe(torn);
    await fileWitness(path).take(two, anySignal);
    expect(await readFile(path, 'utf8')).toBe(`${one.line}\n${two.line}\n`);
  });
});

describe('a server as witness', () => {
  it('is sent each head with POST and the credentials of the URL, until it takes it', async () => {
    const { host, requests } = await aServer({ statuses: [503] });
    const engine = await open({ witness: openWitness(`http://ada:s%20cret@${host}/heads`) });
    await appendOne(engine);
    // A stop would break off a request whose answer is on its way.
    await until(async () => (await database.sql`select 1 from es.signer where receipt is not null`).length > 0);
    await engine.close();
    expect(requests[0]).toMatchObject({
      ...{ method: 'POST', url: '/heads' },
      authorization: `Basic ${Buffer.from('ada:s cret').toString('base64')}`,
    });
    expect(requests[1]?.body).toBe(requests[0]?.body);
    expect(positionsOf(requests.map(({ body }) => body).join(''))).toEqual([1, ...(await positions())]);
    const [{ error } = { error: undefined }] = engine.faults;
    expect(String(error)).toMatch(/refused the head of position 1: 503 no reason/);
    expect(String(error)).not.toContain('cret');
  });

  it('is sent each head with PUT to a URL of its own, as object stores take them', async () => {
    const { host, requests } = await aServer();
    const engine = await open({ witness: openWitness(`http://${host}/bucket/{position}.json?signature=x`) });
    await appendOne(engine);
    await engine.close();
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
      (await positions()).map((position) => `PUT /bucket/${position}.json?signature=x`),
    );
  });

  it('that is an object store keeps what it has: the same head is taken as known, another is a fault', async () => {
    const objects = new Map<string, string>();
    const { host, requests } = await aServer({ objects });
    const store = () => openWitness(`http://ada:x@${host}/{position}.json`);
    const [one, other] = [headOf(7), headOf(7, 'another log')];
    await store().take(one, anySignal);
    await store().take(one, anySignal);
    await expect(store().take(other, anySignal)).rejects.toThrow(LogFault);
    expect(objects.get('/7.json')).toBe(`${one.line}\n`);
    expect(new Set(requests.map(({ authorization }) => authorization)).size).toBe(1);
  });

  it('that does not answer holds up neither appends nor heads', async () => {
    const engine = await open({ witness: openWitness('http://127.0.0.1:9/heads') });
    await appendOne(engine);
    await appendOne(engine);
    await until(async () => (await positions()).at(-1) === 2);
  });
});

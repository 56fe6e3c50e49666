// What a mutation over HTTP cannot do without, one step after the other: a node:http server without GraphQL, authentication
// and limits. /json answers a constant, /sql inserts an event and a row with postgres.js, /bus issues a command to the product's
// engine, which also keeps a read model.
import { createServer, type IncomingMessage } from 'node:http';
import postgres from 'postgres';
import { SYSTEM } from '../../src/kernel/define/access/actor.ts';
import { openEngine } from '../support/running/engine.ts';
import { installMeter } from '../support/workloads/meters.ts';
import { serve } from './serve.ts';

const url = process.env.DATABASE_URL ?? '';
const sql = postgres(url, { max: 4, onnotice: () => {} });
await sql`create table bare_events (
  position bigserial primary key, stream uuid not null, version int not null, type text not null, data jsonb not null,
  recorded_at timestamptz not null default now(), unique (stream, version)
)`;
await sql`create table bare_rows (id uuid primary key, label text not null, version int not null)`;
const engine = await openEngine(url);
await engine.start();

const answers: Record<string, (label: string) => Promise<object>> = {
  '/json': async () => ({ aggregateId: '', version: 1, token: '' }),
  '/sql': async (label) => {
    const id = crypto.randomUUID();
    const data = { label };
    await sql`insert into bare_events (stream, version, type, data) values (${id}, 1, 'MeterInstalled', ${sql.json(data)})`;
    await sql`insert into bare_rows (id, label, version) values (${id}, ${label}, 1)`;
    return { aggregateId: id, version: 1, token: id };
  },
  '/bus': async (label) => {
    const outcome = await engine.bus.execute(installMeter, { label }, { actor: SYSTEM });
    if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
    const { aggregateId, version, position } = outcome.receipt;
    return { aggregateId, version, token: String(position) };
  },
};

const server = createServer(async (request, response) => {
  const answer = answers[request.url ?? ''];
  if (!answer) throw new Error(`There is no ${request.url}.`);
  const { variables } = JSON.parse(await textOf(request)) as { variables: { input: { name: string } } };
  const body = JSON.stringify({ data: { done: await answer(variables.input.name) } });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
});
await serve(server, () => Promise.all([sql.end({ timeout: 1 }), engine.close()]));

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => {
      text += piece;
    });
    request.once('end', () => resolve(text));
  });
}

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { ServerProcess } from '../e2e/process/server-process.ts';
import { registerCustomer } from '../support/client/shop.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const example = fileURLToPath(new URL('../../docs/example/otel.mjs', import.meta.url));

/** OTLP, as far as it is looked at here. */
interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: object }[] };
    readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string; readonly traceId: string }[] }[];
  }[];
}

/** A collector that takes everything. */
async function collector() {
  const exported: Exported['resourceSpans'][number][] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    exported.push(...(JSON.parse(await text(request)) as Exported).resourceSpans);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { exported, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('sends what a mutation sets off to a collector, as one trace', async () => {
  const { exported, url } = await collector();
  const env = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SERVICE_NAME: 'shop' };
  const server = await new ServerProcess(env, ['--import', example, 'src/main.ts']).started();
  await registerCustomer(server);
  const spans = () => exported.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  await until(() => spans().some(({ name }) => name === 'project customers'));
  const mutation = spans().find(({ name }) => name === 'mutation');
  const trace = spans().filter(({ traceId }) => traceId === mutation?.traceId);
  const names = trace.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['mutation', 'command registerCustomer', 'append', 'project customers']),
  );
  expect(exported[0]?.resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'shop' } });
});

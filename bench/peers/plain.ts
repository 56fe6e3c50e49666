// A plain HTTP server with postgres.js that serves only these two reads: without GraphQL, authentication and limits. It takes the variables of a GraphQL request and answers in the same form.
import { createServer, type IncomingMessage } from 'node:http';
import postgres from 'postgres';
import { serve } from './serve.ts';

interface Variables {
  readonly id?: string;
  readonly first?: number;
  readonly after?: string | null;
}

const sql = postgres(process.env.DATABASE_URL ?? '', { max: Number(process.env.CONNECTIONS) });
const columns = sql`id, status, item_count as "itemCount", carrier, tracking_number as "trackingNumber",
  cancellation_reason as "cancellationReason", placed_at as "placedAt", updated_at as "updatedAt", version`;

/** The first page as it is answered, once it has been read. */
let stored: string | undefined;

const server = createServer(async (request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(await answer(request));
});
await serve(server, () => sql.end({ timeout: 1 }));

async function answer(request: IncomingMessage): Promise<string> {
  if (request.url === '/constant') return '{"data":{"nothing":1}}';
  if (request.url === '/stored') {
    stored ??= JSON.stringify({ data: await read({}) });
    return stored;
  }
  return JSON.stringify({ data: await read(await variablesOf(request)) });
}

async function read({ id, first = 20, after }: Variables): Promise<unknown> {
  if (id !== undefined) {
    const [order] = await sql`select ${columns} from read.orders_v3 where id = ${id}`;
    return { order };
  }
  const [placedAt, last] = after?.split(' ') ?? [];
  const found = await sql`select ${columns} from read.orders_v3
    ${placedAt ? sql`where (placed_at, id) < (${placedAt}, ${last ?? null})` : sql``}
    order by placed_at desc, id desc limit ${first + 1}`;
  const edges = found
    .slice(0, first)
    .map((node) => ({ node, cursor: `${(node.placedAt as Date).toISOString()} ${node.id}` }));
  const pageInfo = { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null };
  return { orders: { edges, pageInfo } };
}

async function variablesOf(request: IncomingMessage): Promise<Variables> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return (JSON.parse(Buffer.concat(chunks).toString()) as { variables: Variables }).variables;
}

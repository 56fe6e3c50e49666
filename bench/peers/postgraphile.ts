// PostGraphile in a process of its own, over the read models in DATABASE_URL, as its documentation sets it up in a server
// of one's own: https://postgraphile.org/postgraphile/5/usage-library
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { jsonPgSmartTags } from 'postgraphile/utils';
import { serve } from './serve.ts';

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // Without the version that the table has in its name.
  plugins: [jsonPgSmartTags({ version: 1, config: { class: { 'read.orders_v3': { tags: { name: 'orders' } } } } })],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL ?? '',
      schemas: ['read'],
      poolConfig: { max: Number(process.env.CONNECTIONS) },
    }),
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false },
  grafast: { explain: false },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
await serve(server, () => instance.release());

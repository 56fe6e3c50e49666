// GraphQL Yoga in a process of its own, as `createYoga` makes it: one field that answers a constant.
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { serve } from './serve.ts';

const schema = createSchema({
  typeDefs: 'type Query { nothing: Int }',
  resolvers: { Query: { nothing: () => 1 } },
});
const yoga = createYoga({ schema, logging: false });
await serve(createServer(yoga));

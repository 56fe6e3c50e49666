import { scalars } from '@afterwrite/client/codegen';

export default {
  schema: 'schema.graphql',
  documents: 'src/**/*.{ts,tsx}',
  generates: { 'src/gql/': { preset: 'client', config: { scalars, strictScalars: true } } },
};

import { scalars } from '@afterwrite/client/codegen';

export default {
  src: './src',
  schema: './schema.graphql',
  language: 'typescript',
  customScalarTypes: scalars,
};

import type { CodegenConfig } from '@graphql-codegen/cli';
import { scalars } from '../../client/src/codegen.ts';

/** `npm run codegen` writes the types of all documents of the page. In a project of your own: `@afterwrite/client/codegen`. */
const config: CodegenConfig = {
  schema: '../../schema/schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/gql/**'],
  ignoreNoDocuments: true,
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { scalars: { ...scalars, ID: 'string' }, strictScalars: true, enumsAsTypes: true, useTypeImports: true },
    },
  },
};

export default config;

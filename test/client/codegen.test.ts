import { globSync, readFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import { buildSchema, isScalarType, isSpecifiedScalarType, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import configuration from '../../docs/example/frontend/codegen.ts';

const schema = readFileSync('schema/schema.graphql', 'utf8');
const { config } = configuration.generates['src/gql/'];

describe('graphql-codegen with the scalars of the client', () => {
  it('knows the type of every scalar, so that nothing is any or unknown', async () => {
    const types = await codegen({
      ...{ filename: 'types.ts', schema: parse(schema), documents: [], config },
      ...{ plugins: [{ typescript: {} }], pluginMap: { typescript } },
    });
    const declared = /export type Scalars = \{.*?\n\};/s.exec(types)?.[0] ?? '';
    for (const type of Object.values(buildSchema(schema).getTypeMap())) {
      if (!isScalarType(type) || isSpecifiedScalarType(type)) continue;
      expect(declared).toMatch(new RegExp(`  ${type.name}: \\{ input: (string|number); output: (string|number); \\}`));
    }
  });

  it('refuses a scalar that it does not know', async () => {
    const plan = codegen({
      ...{ filename: 'types.ts', schema: parse('scalar ISBN type Query { isbn: ISBN }'), documents: [], config },
      ...{ plugins: [{ typescript: {} }], pluginMap: { typescript } },
    });
    await expect(plan).rejects.toThrow('ISBN');
  });
});

describe('the documents of the example page', () => {
  const files = globSync('examples/shop-page/src/**/*.{ts,tsx}', { exclude: (name) => name === 'gql' });
  const documents = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/graphql\(`([^`]*)`\)/g)].map(([, text = '']) => text),
  );

  it('fit the schema', () => {
    expect(documents.length).toBeGreaterThan(10);
    expect(validate(buildSchema(schema), parse(documents.join('\n')))).toEqual([]);
  });

  it('are those whose types were generated: run npm run codegen in the folder of the example otherwise', () => {
    const generated = readFileSync('examples/shop-page/src/gql/gql.ts', 'utf8');
    expect(documents.filter((text) => !generated.includes(JSON.stringify(text)))).toEqual([]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import type { GraphiQLOptions } from 'graphql-yoga';

const folder = new URL('../../schema/operations/', import.meta.url);

/** GraphiQL, served from the package and opened with the documents of `schema/operations/`. */
export function graphiqlOptions(): GraphiQLOptions {
  return {
    title: 'Afterwrite',
    endpoint: '/graphql',
    subscriptionsProtocol: 'WS',
    schemaDescription: true,
    inputValueDeprecation: true,
    directiveIsRepeatable: true,
    defaultTabs: operations(),
  };
}

function operations(): { query: string; variables: string | null }[] {
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => file.endsWith('.graphql'))
    .map((file) => ({
      query: readFileSync(new URL(file, folder), 'utf8'),
      variables: readIfThere(new URL(file.replace(/\.graphql$/, '.variables.json'), folder)),
    }));
}

function readIfThere(url: URL): string | null {
  try {
    return readFileSync(url, 'utf8');
  } catch {
    return null;
  }
}

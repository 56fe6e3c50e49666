import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly gzipped: Promise<Uint8Array<ArrayBuffer>>;
  readonly content: Uint8Array<ArrayBuffer>;
  /** Changes with the content, so that browsers can cache a file forever. */
  readonly version: string;
}

/** The files of the page by their names. */
export type Assets = ReadonlyMap<string, Asset>;

let loaded: Promise<Assets> | undefined;

/** Everything that the page needs, from the installed packages; loaded when somebody opens it for the first time. */
export function loadAssets(): Promise<Assets> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Assets> {
  // Nine megabytes of text: loaded only if somebody opens GraphiQL.
  const graphiql = await import('@graphql-yoga/render-graphiql/graphiql');
  const script = 'text/javascript; charset=utf-8';
  const files: [name: string, type: string, content: string | Uint8Array][] = [
    ['graphiql.css', 'text/css; charset=utf-8', graphiql.css],
    ['graphiql.js', script, graphiql.js],
    ['editor.worker.js', script, graphiql.editorWorkerService],
    ['graphql.worker.js', script, graphiql.graphqlWorker],
    ['json.worker.js', script, graphiql.jsonWorker],
    ['graphql-ws.js', script, await readFile(new URL('../umd/graphql-ws.min.js', import.meta.resolve('graphql-ws')))],
    ['page.js', script, await readFile(new URL('./page.js', import.meta.url))],
    ['placeholders.js', script, await readFile(new URL('./placeholders.js', import.meta.url))],
  ];
  return new Map(files.map(([name, type, content]) => [name, toAsset(type, Buffer.from(content))]));
}

function toAsset(type: string, content: Buffer<ArrayBuffer>): Asset {
  let gzipped: Promise<Uint8Array<ArrayBuffer>> | undefined;
  return {
    type,
    content,
    version: createHash('sha256').update(content).digest('base64url').slice(0, 12),
    get gzipped() {
      gzipped ??= promisify(gzip)(content, { level: 5 });
      return gzipped;
    },
  };
}

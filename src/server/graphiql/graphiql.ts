import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphiQLOptions } from 'graphql-yoga';
import { type Assets, loadAssets } from './assets.ts';
import { readOperations } from './operations.ts';

/** The query parameter that asks for a file of the page. */
const FILE = 'graphiql';

/** The logo: three marks of a log, and a reader who has reached the last one. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#1f6f5c"/><path d="M8 10h16M8 16h16M8 22h9" stroke="#fff" stroke-width="3" stroke-linecap="round"/><circle cx="24" cy="22" r="3.5" fill="#ffc65c"/></svg>`;

/** Answers a request if it is for GraphiQL or one of its files. @returns undefined if it is for something else. */
export type GraphiqlPages = (request: IncomingMessage, response: ServerResponse) => Promise<void> | undefined;

/**
 * GraphiQL for browsers at the endpoint, opened with the documents of a folder. Everything that it loads comes from the
 * installed packages through this server; its Content-Security-Policy forbids other sources. Nobody has to be signed in for it.
 */
export function graphiqlPages(documents: URL | undefined): GraphiqlPages {
  return (request, response) => {
    if (request.method !== 'GET') return undefined;
    const file = fileIn(request);
    if (file === null && !request.headers.accept?.includes('text/html')) return undefined;
    return answerPage(file, documents, request, response);
  };
}

/** The name of the file that the request asks for. */
function fileIn({ url = '' }: IncomingMessage): string | null {
  const query = url.indexOf('?');
  return query < 0 ? null : new URLSearchParams(url.slice(query)).get(FILE);
}

async function answerPage(
  file: string | null,
  documents: URL | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const assets = await loadAssets();
  const encodings = request.headers['accept-encoding']?.toString();
  const answered = file === null ? page(assets, documents) : await answerFile(assets, file, encodings);
  const { body, status, headers } = answered;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

interface AssetAnswer {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly status: number;
  readonly headers: Record<string, string>;
}

async function answerFile(assets: Assets, name: string, acceptEncoding: string | undefined): Promise<AssetAnswer> {
  const asset = assets.get(name);
  if (!asset) return { body: 'not found', status: 404, headers: { 'content-type': 'text/plain' } };
  const headers = {
    'content-type': asset.type,
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding, origin',
  };
  if (!acceptEncoding?.includes('gzip')) return { body: asset.content, status: 200, headers };
  return { body: await asset.gzipped, status: 200, headers: { ...headers, 'content-encoding': 'gzip' } };
}

function page(assets: Assets, documents: URL | undefined): AssetAnswer {
  const hrefOf = (name: string) => `?${FILE}=${name}&v=${assets.get(name)?.version}`;
  const script = (name: string, how: string) => `<script src="${escapeHtml(hrefOf(name))}" ${how}></script>`;
  const options = {
    ...graphiqlOptions(documents),
    workers: {
      editorWorkerService: hrefOf('editor.worker.js'),
      graphql: hrefOf('graphql.worker.js'),
      json: hrefOf('json.worker.js'),
    },
    placeholdersModule: hrefOf('placeholders.js'),
  };
  const body = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Afterwrite GraphiQL</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(LOGO)}">
    <link rel="stylesheet" href="${escapeHtml(hrefOf('graphiql.css'))}">
    <style>
      html, body, #root { height: 100%; margin: 0; }
      .graphiql-tab { transform: none !important; }
      /* All tabs are to be seen at once, if need be in several rows. */
      .graphiql-container .graphiql-session-header { height: auto; flex-shrink: 0; }
      .graphiql-tabs { flex-wrap: wrap; row-gap: 2px; column-gap: 4px; }
      /* A token has hyphens in a row, which would be drawn as one dash. */
      .monaco-editor .view-line { font-feature-settings: 'liga' 0, 'calt' 0 !important; }
      .graphiql-tab > button { padding: 4px 8px; font-size: 13px; }
      /* On a narrow screen the answer is below the document, the tabs scroll, and the manual covers both. */
      @media (max-width: 700px) {
        .graphiql-container { flex-direction: column-reverse; }
        .graphiql-container .graphiql-sidebar { flex-direction: row; width: auto; padding: 0 8px; }
        .graphiql-container .graphiql-main { position: relative; min-height: 0; }
        .graphiql-main > .graphiql-plugin:not(:empty) { position: absolute; left: 0; top: 0; bottom: 0; width: 100%; z-index: 2; background: hsl(var(--color-base)); }
        .graphiql-main > .graphiql-horizontal-drag-bar { display: none; }
        .graphiql-container .graphiql-sessions { margin: 8px; }
        .graphiql-tabs { flex-wrap: nowrap; }
        .graphiql-container #graphiql-session { flex-direction: column; min-height: 0; }
        .graphiql-horizontal-drag-bar { width: auto; height: 12px; }
        .graphiql-container .graphiql-logo { display: none; }
      }
    </style>
  </head>
  <body class="no-focus-outline">
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root"></div>
    <script type="application/json" id="options">${JSON.stringify(options).replaceAll('<', '\\u003c')}</script>
    ${script('graphql-ws.js', 'defer')}
    ${script('graphiql.js', 'defer')}
    ${script('page.js', 'type="module"')}
  </body>
</html>
`;
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    // The editor sets its colours and sizes in style attributes and elements.
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "img-src 'self' data:",
    // This covers WebSocket too. Nothing here is built from the Host header, which the sender of the request chooses.
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    body,
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    },
  };
}

function graphiqlOptions(documents: URL | undefined): GraphiQLOptions {
  return {
    title: 'Afterwrite',
    logo: LOGO,
    schemaDescription: true,
    inputValueDeprecation: true,
    directiveIsRepeatable: true,
    defaultEditorToolsVisibility: 'variables',
    ...(documents && { defaultTabs: readOperations(documents).map(({ query, variables }) => ({ query, variables })) }),
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

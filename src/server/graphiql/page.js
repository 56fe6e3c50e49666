// Runs in the browser: renders GraphiQL and sends its operations. Queries and mutations go over HTTP, subscriptions over
// WebSocket, and both carry the headers of the editor, which the package's own fetcher does for HTTP only.

/** What the server says, with URLs of the workers and of the page's other module. */
const { workers, placeholdersModule, ...options } = JSON.parse(document.querySelector('#options').textContent);

const { Placeholders } = await import(new URL(placeholdersModule, location.href).href);

const endpoint = new URL(location.pathname, location.href);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol.replace('http', 'ws');

/** What the editor needs of its workers. @see https://github.com/microsoft/monaco-editor */
self.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_, label) => workers[label] };

/** The last credentials that a tab has sent: the others use them too, so that they need not be pasted into each. */
let authorization;

/** The headers to send for a tab that has these. */
function withAuthorization(headers = {}) {
  const own = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization');
  if (own) authorization = headers[own];
  const others = Object.entries(headers).filter(([name]) => name !== own);
  return { ...Object.fromEntries(others), ...(authorization ? { authorization } : {}) };
}

/** The operations of a document: their kinds and names. */
function operationsIn(query) {
  const code = query.replace(/"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#.*/g, '');
  const operations = [];
  let depth = 0;
  for (const [token, kind, name] of code.matchAll(/[{(]|[)}]|\b(query|mutation|subscription|fragment)\b\s*(\w*)/g)) {
    if (kind) operations.push(...(depth === 0 && kind !== 'fragment' ? [{ kind, name }] : []));
    else depth += token === '{' || token === '(' ? 1 : -1;
  }
  return operations;
}

/** A UUID; `crypto.randomUUID` exists only on pages that came over TLS or from this machine. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** What GraphiQL knows of the document is, for a moment after a tab was opened, still the last tab's: look again. */
function fetcher({ operationName, ...params }, { headers } = {}) {
  const operations = operationsIn(params.query);
  const operation = operations.find(({ name }) => name === operationName) ?? operations[0];
  const named = operation?.name ? { ...params, operationName: operation.name } : params;
  let filled;
  try {
    filled = { ...named, variables: placeholders.fill(params.variables ?? {}) };
  } catch ({ message }) {
    return { errors: [{ message }] };
  }
  remember();
  if (operation?.kind === 'subscription') return subscribe(filled, withAuthorization(headers));
  return send(filled, withAuthorization(headers), operation?.kind === 'mutation');
}

async function send(params, headers, isCommand) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(params),
  });
  const answer = await response.json();
  const token = answer.extensions?.consistency?.token;
  if (isCommand && token) {
    placeholders.sawToken(token);
    remember();
  }
  return answer;
}

/** A connection of its own for each: it closes with the subscription, and says who subscribes when it is opened. */
function subscribe(params, headers) {
  const client = graphqlWs.createClient({ url: socketEndpoint.href, connectionParams: headers });
  return {
    subscribe: ({ next, error, complete }) => ({
      unsubscribe: client.subscribe(params, {
        next,
        complete,
        error: (reason) => error(reason instanceof CloseEvent ? new Error(reasonOf(reason)) : reason),
      }),
    }),
  };
}

function reasonOf({ code, reason }) {
  return reason || `The connection was closed with code ${code}; does the server still run?`;
}

/** localStorage with names of our own: other GraphiQLs on the same host and port keep their tabs, and we ours. */
const PREFIX = 'afterwrite:';
const ours = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
const storage = {
  getItem: (key) => localStorage.getItem(PREFIX + key),
  setItem: (key, value) => localStorage.setItem(PREFIX + key, value),
  removeItem: (key) => localStorage.removeItem(PREFIX + key),
  clear: () => {
    for (const key of ours()) localStorage.removeItem(key);
  },
  get length() {
    return ours().length;
  },
};

/** What the placeholders in variables stand for, also after a reload. */
const placeholders = new Placeholders(JSON.parse(storage.getItem('placeholders') ?? '{}'), newId);
function remember() {
  storage.setItem('placeholders', JSON.stringify(placeholders.known));
}

/**
 * GraphiQL shows the tab whose contents are what was typed last, and opens one tab more if no tab has that, as it is
 * after a mere look at another tab. So it is told the contents of the tab that was open.
 */
function reopenTab() {
  const { tabs, activeTabIndex } = JSON.parse(storage.getItem('graphiql:tabState') ?? '{}');
  const active = tabs?.[activeTabIndex];
  for (const part of active ? ['query', 'variables', 'headers'] : []) {
    storage.setItem(`graphiql:${part}`, active[part] ?? '');
  }
}

// Tabs can be dragged, but those that it opens with believe that they have been dragged far to the right already: they
// leap away when they are pressed, and the click is lost. A tab that stays where it is and is clicked is worth more.
const keepTab = (event) => event.target.closest('.graphiql-tab') && event.stopPropagation();
document.addEventListener('pointerdown', keepTab, { capture: true });

reopenTab();
YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
  ...options,
  // At the first visit it shows the first of its tabs, but for the variables.
  ...(storage.getItem('graphiql:tabState') === null && { initialVariables: options.defaultTabs?.[0]?.variables ?? '' }),
  fetcher,
  storage,
  // Headers hold credentials: they are kept only if somebody asked for it in the settings.
  shouldPersistHeaders: storage.getItem('graphiql:shouldPersistHeaders') === 'true',
  showPersistHeadersSettings: true,
  // Otherwise every key that is pressed rewrites the address, and a reload opens one tab more.
  onEditQuery: () => {},
});

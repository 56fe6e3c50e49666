// Runs in the browser: renders GraphiQL and sends its operations. Queries and mutations go over HTTP, subscriptions over
// WebSocket, and both carry the headers of the editor, which the package's own fetcher does for HTTP only.

/** What the server says, with URLs of the workers. */
const { workers, ...options } = JSON.parse(document.querySelector('#options').textContent);

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

function fetcher(params, { headers, documentAST } = {}) {
  const sent = withAuthorization(headers);
  const operation = documentAST?.definitions.find(
    ({ kind, name }) =>
      kind === 'OperationDefinition' && (!params.operationName || name?.value === params.operationName),
  );
  return operation?.operation === 'subscription' ? subscribe(params, sent) : send(params, sent);
}

async function send(params, headers) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(params),
  });
  return response.json();
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

YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
  ...options,
  fetcher,
  storage,
  // Otherwise every key that is pressed rewrites the address, and a reload opens one tab more.
  onEditQuery: () => {},
});

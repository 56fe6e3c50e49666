/**
 * The environment that a process of a test inherits: where programs are, Node's compile cache, which saves a quarter of
 * the start, how npm reaches its registry, and how often compilers collect garbage. No setting of Afterwrite is inherited.
 */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, NODE_COMPILE_CACHE, NODE_EXTRA_CA_CERTS, HTTPS_PROXY, NO_PROXY, GOGC } = process.env;
  return { PATH, HOME, LANG, NODE_COMPILE_CACHE, NODE_EXTRA_CA_CERTS, HTTPS_PROXY, NO_PROXY, GOGC };
}

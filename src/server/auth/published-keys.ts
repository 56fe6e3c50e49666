import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';

/**
 * The credentials could not be checked because the identity provider's keys cannot be fetched: a fault of the service.
 */
export class AuthUnavailableError extends Error {
  readonly code = 'AUTH_UNAVAILABLE';

  constructor(options?: ErrorOptions) {
    super('The keys for checking access tokens are not available at the moment; try again shortly.', options);
    this.name = 'AuthUnavailableError';
  }
}

/** Keys are fetched again after ten minutes, or for a token of an unknown key, but then at most every ten seconds. */
const JWKS_TIMES = { timeoutDuration: 3_000, cooldownDuration: 10_000, cacheMaxAge: 600_000 };

/**
 * After a failed fetch, the keys are not requested again for this long, in ms: callers must not pass their load on to
 * the provider.
 */
const PAUSE_AFTER_FAILURE_MS = 1_000;

/** Longest key set that is read, in bytes. Providers publish a few keys of about 2 kB, with certificates. */
const MAX_KEY_SET_BYTES = 262_144;

/**
 * The keys at the URL. One fetch at a time, bounded in time, bytes and rate.
 * @throws {AuthUnavailableError} if the keys cannot be fetched. A token that matches none of them is another error.
 */
export function publishedKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { ...JWKS_TIMES, [customFetch]: boundedFetch() });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const about = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
      throw about.some((kind) => error instanceof kind) ? error : new AuthUnavailableError({ cause: error });
    }
  };
}

function boundedFetch(): FetchImplementation {
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  return async (url, options) => {
    if (performance.now() - failedAt < PAUSE_AFTER_FAILURE_MS) throw failure;
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`The key set was answered with status ${response.status}.`);
      }
      const keySet = Response.json(JSON.parse(await textOf(response)));
      return keySet;
    } catch (error) {
      failedAt = performance.now();
      failure = error;
      throw error;
    }
  };
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop closes the connection.
    if (bytes > MAX_KEY_SET_BYTES) throw new Error(`The key set is longer than ${MAX_KEY_SET_BYTES} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

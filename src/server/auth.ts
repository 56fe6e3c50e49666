import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { AUTH_REQUIRED, type Config, ConfigError } from '../config.ts';
import { type Actor, NOBODY, type Role, SYSTEM, subjectOf } from '../kernel/define/actor.ts';
import { UnauthenticatedError } from '../kernel/errors.ts';

/** The credentials could not be checked because the identity provider's keys are out of reach: a fault of the service. */
export class AuthUnavailableError extends Error {
  readonly code = 'AUTH_UNAVAILABLE';

  constructor(options?: ErrorOptions) {
    super('The keys that check access tokens cannot be had at the moment; try again shortly.', options);
    this.name = 'AuthUnavailableError';
  }
}

/** Whom a request's credentials stand for, and how long. */
export interface Authenticated {
  readonly actor: Actor;
  /** From when on the same credentials are refused; a connection that outlives it must be closed. Absent: never. */
  readonly expiresAt?: Date;
}

/** Tells who sends a request, in the same way for HTTP, SSE and WebSocket. */
export interface Authenticator {
  /** One line that whoever starts the server should read: that authentication is off, or takes more than it may seem. */
  readonly notice?: string;
  /**
   * @param credentials the value of an Authorization header (`Bearer …`), or what {@link credentialsOf} found.
   * @returns null for a request without credentials: an anonymous one.
   * @throws {UnauthenticatedError} where the credentials are not acceptable.
   * @throws {AuthUnavailableError} where they could not be checked.
   */
  authenticate(credentials: string | undefined): Promise<Authenticated | null>;
}

/** The settings that decide how requests are authenticated. */
export type AuthSettings = Pick<
  Config,
  'nodeEnv' | 'host' | 'authJwtSecret' | 'authJwksUrl' | 'authIssuer' | 'authAudience' | 'authRolesClaim'
>;

/** Who everybody is where authentication is off. */
export const DEVELOPER: Actor = { id: 'developer', roles: ['admin'] };

/** What a token may make of its bearer; `system` is the application itself and cannot be claimed from outside. */
const CLAIMABLE_ROLES: readonly Role[] = ['customer', 'staff', 'admin'];

/** Signatures by a private key only: were HS256 among them, a published key could be used as a shared secret. */
const PUBLIC_KEY_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Seconds that the issuer's clock may differ from this one. */
const CLOCK_TOLERANCE_S = 5;

/** Keys are fetched again after ten minutes, or for a token of an unknown key, but then at most every ten seconds. */
const JWKS_TIMES = { timeoutDuration: 3_000, cooldownDuration: 10_000, cacheMaxAge: 600_000 };

/** A secret is shared with whom it is meant for; an identity provider signs for all of its applications alike. */
const ANY_AUDIENCE =
  'AUTH_AUDIENCE is not set: access tokens that the identity provider has given out for other applications are taken too. Set it to the "aud" claim of those that are meant for this one.';

/** The last instant that a Date can hold. */
const END_OF_TIME_MS = 8.64e15;

type Verify = (token: string) => Promise<JWTPayload>;

/**
 * Checks tokens with AUTH_JWT_SECRET or the keys at AUTH_JWKS_URL. With neither, everybody is {@link DEVELOPER}.
 * @throws {ConfigError} with neither in production.
 */
export function createAuthenticator(config: AuthSettings): Authenticator {
  const verify = verifier(config);
  if (verify === undefined) return openToEverybody(config);
  const anyAudience = config.authJwksUrl !== undefined && config.authAudience === undefined;
  return {
    ...(anyAudience && { notice: ANY_AUDIENCE }),
    async authenticate(credentials) {
      if (credentials === undefined || credentials.trim() === '') return null;
      const token = /^Bearer +(\S+)$/i.exec(credentials.trim())?.[1];
      if (token === undefined) {
        throw new UnauthenticatedError('Credentials must be the word Bearer, a space, and an access token.');
      }
      const payload = await verify(token).catch((error: unknown) => {
        throw error instanceof errors.JOSEError ? new UnauthenticatedError(reasonOf(error)) : error;
      });
      return authenticated(payload, config.authRolesClaim);
    },
  };
}

/**
 * The credentials among the parameters of a graphql-ws connection: `authorization` or `Authorization`, at the top or
 * under `headers`. A value that is no string comes back as one, to be refused rather than taken for anonymous.
 */
export function credentialsOf(connectionParams: unknown): string | undefined {
  if (!isRecord(connectionParams)) return undefined;
  const { headers } = connectionParams;
  const places = isRecord(headers) ? [connectionParams, headers] : [connectionParams];
  const found = places.map((place) => place.authorization ?? place.Authorization).find((value) => value != null);
  return typeof found === 'string' || found === undefined ? found : JSON.stringify(found);
}

function openToEverybody({ nodeEnv, host }: AuthSettings): Authenticator {
  if (nodeEnv === 'production') {
    throw new ConfigError([AUTH_REQUIRED]);
  }
  const reach = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host) ? '' : `, from any machine that reaches ${host},`;
  return {
    notice: `Authentication is off: every request${reach} acts as the development admin. Set AUTH_JWT_SECRET or AUTH_JWKS_URL to turn it on.`,
    authenticate: async () => ({ actor: DEVELOPER }),
  };
}

function verifier({ authJwtSecret, authJwksUrl, authIssuer, authAudience }: AuthSettings): Verify | undefined {
  const checks: JWTVerifyOptions = {
    clockTolerance: CLOCK_TOLERANCE_S,
    ...(authIssuer !== undefined && { issuer: authIssuer }),
    ...(authAudience !== undefined && { audience: authAudience }),
  };
  if (authJwtSecret !== undefined) {
    const key = new TextEncoder().encode(authJwtSecret);
    return async (token) => (await jwtVerify(token, key, { ...checks, algorithms: ['HS256'] })).payload;
  }
  if (authJwksUrl === undefined) return undefined;
  const keys = publishedKeys(new URL(authJwksUrl));
  const options = { ...checks, algorithms: PUBLIC_KEY_ALGORITHMS };
  return async (token) => {
    try {
      return (await jwtVerify(token, keys, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await verifyWithAnyOf(error, token, options);
    }
  };
}

/** The keys at the URL; what keeps them from being had is told apart from a token that matches none of them. */
function publishedKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, JWKS_TIMES);
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const about = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
      throw about.some((kind) => error instanceof kind) ? error : new AuthUnavailableError({ cause: error });
    }
  };
}

/** A token need not name its key; while the issuer changes keys, two may fit. */
async function verifyWithAnyOf(keys: errors.JWKSMultipleMatchingKeys, token: string, options: JWTVerifyOptions) {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function authenticated(payload: JWTPayload, rolesClaim: string): Authenticated {
  // The type of `sub` is the issuer's promise, which nothing has checked.
  const sub: unknown = payload.sub;
  if (typeof sub !== 'string' || sub.trim() === '') {
    throw new UnauthenticatedError('The access token does not say who its bearer is: its "sub" claim is missing.');
  }
  if (sub === SYSTEM.id || sub === NOBODY.id) {
    throw new UnauthenticatedError(
      `The access token's bearer cannot be "${sub}": that is what the log calls somebody else.`,
    );
  }
  const actor: Actor = { id: subjectOf(sub), roles: rolesIn(payload, rolesClaim) };
  if (payload.exp === undefined) return { actor };
  return { actor, expiresAt: new Date(Math.min((payload.exp + CLOCK_TOLERANCE_S) * 1000, END_OF_TIME_MS)) };
}

function rolesIn(payload: JWTPayload, claim: string): Role[] {
  // A name with dots may be one claim (they are often URLs), so it is tried as it stands first.
  const claimed = payload[claim] ?? claim.split('.').reduce(memberOf, payload);
  const names: unknown[] = typeof claimed === 'string' ? claimed.split(/\s+/) : Array.isArray(claimed) ? claimed : [];
  return CLAIMABLE_ROLES.filter((role) => names.includes(role));
}

function memberOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The sentence for the client. It names claims and never their expected values. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'The access token has expired; get a new one.';
  if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim(error.claim);
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'The access token is signed with an algorithm that is not accepted.';
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'The signature of the access token does not match.';
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'The access token is signed with a key that its issuer does not publish.';
  return 'The access token is malformed: a signed JSON Web Token is expected.';
}

function reasonOfClaim(claim: string): string {
  if (claim === 'iss') return 'The access token comes from another issuer ("iss" claim) than the one trusted here.';
  if (claim === 'aud') return 'The access token is meant for another audience ("aud" claim).';
  if (claim === 'nbf') return 'The access token is not valid yet ("nbf" claim).';
  return `The "${claim}" claim of the access token is not acceptable.`;
}

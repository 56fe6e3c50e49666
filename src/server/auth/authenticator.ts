import { errors, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import type { AppTenants } from '../../definition/tenants.ts';
import { type Actor, actorWith } from '../../kernel/define/access/actor.ts';
import type { ClaimsSchema } from '../../kernel/define/access/claims-schema.ts';
import type { Claims, Roles } from '../../kernel/define/access/roles.ts';
import { tenantOf, whyNotTenant } from '../../kernel/define/access/tenant.ts';
import { CredentialsExpiredError, UnauthenticatedError } from '../../kernel/errors.ts';
import { AUTH_REQUIRED, type Config, ConfigError } from '../../settings/config.ts';
import { type Authenticated, authenticatedBy, type ClaimRules } from './claims.ts';
import { publishedKeys } from './published-keys.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Identifies the sender of a request, in the same way for HTTP, SSE and WebSocket. */
export interface Authenticator {
  /**
   * A line for the operator who starts the server: authentication is off, or accepts more than one might expect.
   */
  readonly notice?: string;
  /** Whether every caller must have a tenant, because the application has tenants. */
  readonly needsTenant?: boolean;
  /**
   * @param credentials the value of an Authorization header (`Bearer …`), or what {@link credentialsOf} found.
   * @returns null for an anonymous request without credentials.
   * @throws {UnauthenticatedError} if the credentials are not acceptable.
   * @throws {AuthUnavailableError} if they could not be checked.
   */
  authenticate(credentials: string | undefined): Promise<Authenticated | null>;
}

/** The settings that decide how requests are authenticated. */
export type AuthSettings = Pick<
  Config,
  | 'nodeEnv'
  | 'host'
  | 'authJwtSecret'
  | 'authJwksUrl'
  | 'authIssuer'
  | 'authAudience'
  | 'authRolesClaim'
  | 'authTenantClaim'
  | 'authClockToleranceS'
  | 'authMaxTokenLifetimeS'
>;

/** Who callers can be. */
export interface AppRoles {
  readonly roles: Roles;
  /** Roles that everybody has while authentication is off. */
  readonly developerRoles: readonly string[];
  /** Claims of access tokens that the application uses. */
  readonly claims: ClaimsSchema | undefined;
  /** The claims that everybody has while authentication is off. */
  readonly developerClaims: Claims;
  /** Undefined if the application has no tenants. */
  readonly tenants: Pick<AppTenants, 'developerTenant'> | undefined;
}

/** Everybody has this id while authentication is off. */
const DEVELOPER_ID = 'developer';

/** Only signatures by a private key: with HS256 in the list, a published key could be used as a shared secret. */
const PUBLIC_KEY_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Longest access token, in bytes: about what the headers of an HTTP request have room for. */
const MAX_TOKEN_BYTES = 16_384;

/**
 * A secret is shared only with its intended application; an identity provider signs for all of its applications alike.
 */
const ANY_AUDIENCE =
  'AUTH_AUDIENCE is not set: access tokens that the identity provider has issued for other applications are accepted too. Set it to the "aud" claim of tokens for this application.';

type Verify = (token: string) => Promise<JWTVerifyResult>;

/**
 * Checks tokens with AUTH_JWT_SECRET or the keys at AUTH_JWKS_URL. With neither, everybody is `developer`, with the
 * application's `developerRoles`.
 * @throws {ConfigError} with neither in production.
 */
export function createAuthenticator(config: AuthSettings, app: AppRoles): Authenticator {
  const { roles, claims } = app;
  const verify = verifier(config);
  if (verify === undefined) {
    const developer = actorWith(roles, DEVELOPER_ID, ...app.developerRoles);
    return openToEverybody(config, { ...developer, claims: app.developerClaims }, app.tenants);
  }
  const anyAudience = config.authJwksUrl !== undefined && config.authAudience === undefined;
  const rules: ClaimRules = {
    roles,
    claims,
    rolesClaim: config.authRolesClaim,
    tenantClaim: app.tenants && config.authTenantClaim,
    clockToleranceS: config.authClockToleranceS,
    maxLifetimeS: config.authMaxTokenLifetimeS,
  };
  const verified = new VerifiedTokens();
  return {
    ...(anyAudience && { notice: ANY_AUDIENCE }),
    needsTenant: app.tenants !== undefined,
    async authenticate(credentials) {
      if (credentials === undefined || credentials.trim() === '') return null;
      const token = /^Bearer +(\S+)$/i.exec(credentials.trim())?.[1];
      if (token === undefined) {
        throw new UnauthenticatedError('Credentials must be the word Bearer, a space, and an access token.');
      }
      if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) {
        throw new UnauthenticatedError(
          `The access token is longer than ${MAX_TOKEN_BYTES} bytes, which is the maximum.`,
        );
      }
      const known = verified.find(token);
      if (known) return known;
      const { protectedHeader, payload } = await verify(token).catch((error: unknown) => {
        if (error instanceof errors.JWTExpired) throw new CredentialsExpiredError(reasonOf(error));
        throw error instanceof errors.JOSEError ? new UnauthenticatedError(reasonOf(error)) : error;
      });
      const authenticated = authenticatedBy(protectedHeader, payload, rules);
      verified.remember(token, authenticated);
      return authenticated;
    },
  };
}

/**
 * The credentials among the parameters of a graphql-ws connection: `authorization` or `Authorization`, at the top or
 * under `headers`. A value that is not a string is converted to one, so that it is refused and not treated as
 * anonymous.
 */
export function credentialsOf(connectionParams: unknown): string | undefined {
  if (!isRecord(connectionParams)) return undefined;
  const { headers } = connectionParams;
  const places = isRecord(headers) ? [connectionParams, headers] : [connectionParams];
  const found = places.map((place) => place.authorization ?? place.Authorization).find((value) => value != null);
  return typeof found === 'string' || found === undefined ? found : JSON.stringify(found);
}

function openToEverybody({ nodeEnv, host }: AuthSettings, actor: Actor, tenants: AppRoles['tenants']): Authenticator {
  if (nodeEnv === 'production') {
    throw new ConfigError([AUTH_REQUIRED]);
  }
  const reach = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host) ? '' : `, from any machine that reaches ${host},`;
  return {
    notice: `Authentication is off: every request${reach} acts as the development ${actor.roles.join(' and ')}. Set AUTH_JWT_SECRET or AUTH_JWKS_URL to turn it on.`,
    needsTenant: tenants !== undefined,
    authenticate: async (credentials) => ({
      actor: tenants ? { ...actor, tenant: chosenTenant(credentials) ?? tenants.developerTenant } : actor,
    }),
  };
}

/**
 * The tenant that a developer chooses while authentication is off: `Tenant NAME` in place of `Bearer TOKEN`.
 * @throws {UnauthenticatedError} if it cannot be a tenant.
 */
function chosenTenant(credentials: string | undefined): string | undefined {
  const name = /^Tenant +(.+)$/i.exec(credentials?.trim() ?? '')?.[1];
  if (name === undefined) return undefined;
  const reason = whyNotTenant(name);
  if (reason) throw new UnauthenticatedError(`The tenant ${reason}.`);
  return tenantOf(name);
}

function verifier(settings: AuthSettings): Verify | undefined {
  const { authJwtSecret, authJwksUrl, authIssuer, authAudience, authClockToleranceS } = settings;
  const checks: JWTVerifyOptions = {
    clockTolerance: authClockToleranceS,
    ...(authIssuer !== undefined && { issuer: authIssuer }),
    ...(authAudience !== undefined && { audience: authAudience }),
  };
  if (authJwtSecret !== undefined) {
    const key = new TextEncoder().encode(authJwtSecret);
    return (token) => jwtVerify(token, key, { ...checks, algorithms: ['HS256'] });
  }
  if (authJwksUrl === undefined) return undefined;
  const keys = publishedKeys(new URL(authJwksUrl));
  const options = { ...checks, algorithms: PUBLIC_KEY_ALGORITHMS };
  return async (token) => {
    try {
      return await jwtVerify(token, keys, options);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await verifyWithAnyOf(error, token, options);
    }
  };
}

/** A token need not name its key; while the issuer rotates keys, two may match. */
async function verifyWithAnyOf(keys: errors.JWKSMultipleMatchingKeys, token: string, options: JWTVerifyOptions) {
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
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

import { count, optionalCount, setting } from './setting.ts';
import { httpUrl, secretKey, text } from './values.ts';

/** Who callers are. */
export const authenticationSettings = {
  authJwtSecret: setting(
    'AUTH_JWT_SECRET',
    'Shared secret of HS256 tokens, at least 32 bytes; excludes AUTH_JWKS_URL.',
    secretKey,
    { secret: true },
  ),
  authJwksUrl: setting(
    'AUTH_JWKS_URL',
    'URL at which the identity provider publishes the public keys of its tokens; excludes AUTH_JWT_SECRET.',
    httpUrl,
  ),
  authIssuer: setting('AUTH_ISSUER', 'The `iss` claim that tokens must have. If unset, it is not checked.', text),
  authAudience: setting('AUTH_AUDIENCE', 'The `aud` claim that tokens must have. If unset, it is not checked.', text),
  authRolesClaim: setting(
    'AUTH_ROLES_CLAIM',
    'The claim that lists roles. Dots select nested claims, as in realm_access.roles.',
    text,
    { default: 'roles' },
  ),
  authTenantClaim: setting(
    'AUTH_TENANT_CLAIM',
    'The claim that names the tenant, if the application has tenants. Dots select nested claims.',
    text,
    { default: 'tenant' },
  ),
  authClockToleranceS: count(
    'AUTH_CLOCK_TOLERANCE_S',
    5,
    "Maximum difference between the clock of the issuer of tokens and this server's clock, in seconds.",
    0,
    300,
  ),
  authMaxTokenLifetimeS: optionalCount(
    'AUTH_MAX_TOKEN_LIFETIME_S',
    'Maximum time from `iat` (from now, if a token has none) to `exp`, in seconds; tokens that last longer are refused.',
    1,
  ),
};

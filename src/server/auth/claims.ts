import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { wallTime } from '../../kernel/clock/wall-clock.ts';
import { type Actor, actorWith, subjectOf, whyNotActorId } from '../../kernel/define/access/actor.ts';
import type { ClaimsSchema } from '../../kernel/define/access/claims-schema.ts';
import type { Roles } from '../../kernel/define/access/roles.ts';
import { tenantOf, whyNotTenant } from '../../kernel/define/access/tenant.ts';
import { TenantRequiredError, UnauthenticatedError } from '../../kernel/errors.ts';
import { declaredClaims } from './declared-claims.ts';

/** The actor whom a request's credentials identify, and how long the credentials are valid. */
export interface Authenticated {
  readonly actor: Actor;
  /**
   * From this time on, the same credentials are refused, and a connection that is still open must be closed. Absent if
   * they do not expire.
   */
  readonly expiresAt?: Date;
}

/** Requirements for a token's claims, in addition to its signature, issuer and audience. */
export interface ClaimRules {
  /** The roles that a token can give; others that the issuer gives out are for other applications. */
  readonly roles: Roles;
  /** The claim that lists roles. */
  readonly rolesClaim: string;
  /** The claims that the application uses; undefined if it uses none. */
  readonly claims: ClaimsSchema | undefined;
  /** The claim that names the tenant; undefined if the application has no tenants. */
  readonly tenantClaim: string | undefined;
  readonly clockToleranceS: number;
  /** Longest time from `iat` to `exp`, in seconds; undefined if it may be any. */
  readonly maxLifetimeS: number | undefined;
}

/** The last instant that a Date can hold. */
const END_OF_TIME_MS = 8.64e15;

/** Media types of the header `typ` that an access token may have (RFC 7519 and RFC 9068), without `application/`. */
const ACCESS_TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

/** Claims that only ID tokens have (OpenID Connect Core 3.1.2.1, 3.1.3.6, 3.3.2.11; FAPI for `s_hash`). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/**
 * The bearer of a token whose signature, issuer and audience were checked.
 * @throws {UnauthenticatedError} if it is not an access token, or its claims cannot be an actor; {@link TenantRequiredError} if
 *   it must name a tenant and does not.
 */
export function authenticatedBy(header: JWTHeaderParameters, payload: JWTPayload, rules: ClaimRules): Authenticated {
  const other = otherKindOf(header, payload);
  if (other) {
    throw new UnauthenticatedError(`This is ${other}; an access token is expected.`);
  }
  const expiresAt = expiryOf(payload, rules);
  const actor = actorWith(rules.roles, subjectIn(payload), ...namesIn(payload, rules.rolesClaim));
  const tenant = rules.tenantClaim === undefined ? undefined : tenantIn(payload, rules.tenantClaim);
  const claims = declaredClaims(payload, rules.claims);
  return { actor: { ...actor, claims, ...(tenant !== undefined && { tenant }) }, expiresAt };
}

/** The kind of a signed token that is not an access token: the same keys sign tokens for other purposes. */
function otherKindOf({ typ }: JWTHeaderParameters, payload: JWTPayload): string | undefined {
  const mediaType = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (typ !== undefined && (mediaType === undefined || !ACCESS_TOKEN_TYPES.has(mediaType))) {
    return 'a token of another type ("typ" header)';
  }
  // RFC 8417 and OpenID Connect Back-Channel Logout: only security events and logout tokens have it.
  if (payload.events !== undefined) return 'a logout token or security event ("events" claim)';
  // Keycloak and Cognito name the kind in a claim of their own.
  const stated = [payload.typ, payload.token_use].filter((kind) => typeof kind === 'string');
  const access = ['bearer', 'dpop', 'access', 'at+jwt', 'jwt'];
  if (stated.some((kind) => !access.includes(kind.toLowerCase()))) {
    return 'a token of another kind ("typ" or "token_use" claim)';
  }
  if (mediaType === 'at+jwt' || stated.length > 0) return undefined;
  const found = ID_TOKEN_CLAIMS.find((claim) => payload[claim] !== undefined);
  if (found) return `an ID token ("${found}" claim)`;
  // Issued to the application that is its own audience, and without any permission: an ID token.
  const { azp, aud, scope, scp } = payload;
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (azp !== undefined && azp === audience && scope === undefined && scp === undefined) {
    return 'an ID token ("azp" claim)';
  }
  return undefined;
}

function expiryOf({ exp, iat }: JWTPayload, { clockToleranceS, maxLifetimeS }: ClaimRules): Date {
  if (exp === undefined) {
    throw new UnauthenticatedError('The access token does not say when it expires: its "exp" claim is missing.');
  }
  const now = wallTime() / 1000;
  if (iat !== undefined && iat > now + clockToleranceS) {
    throw new UnauthenticatedError('The access token was issued in the future ("iat" claim).');
  }
  // Without a time of issue we do not know how old the token is, only how long it remains valid.
  if (maxLifetimeS !== undefined && exp - (iat ?? now) > maxLifetimeS) {
    throw new UnauthenticatedError(
      `The access token lasts longer than ${maxLifetimeS} seconds, which is the maximum ("exp" claim).`,
    );
  }
  return new Date(Math.min((exp + clockToleranceS) * 1000, END_OF_TIME_MS));
}

function subjectIn(payload: JWTPayload): string {
  // The issuer promises the type of `sub`; nothing has checked it.
  const sub: unknown = payload.sub;
  if (typeof sub !== 'string' || sub === '') {
    throw new UnauthenticatedError('The access token does not say who its bearer is: its "sub" claim is missing.');
  }
  const reason = whyNotActorId(sub);
  if (reason) throw new UnauthenticatedError(`The subject of the access token ("sub" claim) ${reason}.`);
  return subjectOf(sub);
}

/** The roles that the token lists. */
function namesIn(payload: JWTPayload, claim: string): string[] {
  const claimed = claimIn(payload, claim);
  const names: unknown[] = typeof claimed === 'string' ? claimed.split(/\s+/) : Array.isArray(claimed) ? claimed : [];
  return names.filter((name) => typeof name === 'string');
}

/** @throws {UnauthenticatedError} if the claim is there and cannot be a tenant; {@link TenantRequiredError} if it is not there. */
function tenantIn(payload: JWTPayload, claim: string): string {
  const claimed = claimIn(payload, claim);
  if (claimed === undefined || claimed === null || claimed === '') {
    throw new TenantRequiredError(
      `The access token names no tenant: its "${claim}" claim is missing. Sign in for one tenant.`,
    );
  }
  if (typeof claimed !== 'string') {
    throw new UnauthenticatedError(`The tenant of the access token ("${claim}" claim) is not a text.`);
  }
  const reason = whyNotTenant(claimed);
  if (reason) throw new UnauthenticatedError(`The tenant of the access token ("${claim}" claim) ${reason}.`);
  return tenantOf(claimed);
}

function claimIn(payload: JWTPayload, claim: string): unknown {
  // A name with dots may be a single claim (they are often URLs), so it is tried unchanged first.
  return payload[claim] ?? claim.split('.').reduce(memberOf, payload);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

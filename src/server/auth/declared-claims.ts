import type { JWTPayload } from 'jose';
import type { ClaimsSchema } from '../../kernel/define/access/claims-schema.ts';
import type { Claims } from '../../kernel/define/access/roles.ts';
import { UnauthenticatedError } from '../../kernel/errors.ts';

/** Most bytes of an actor's claims as JSON: every connection and subscription holds its actor. */
const MAX_CLAIMS_BYTES = 4096;

/**
 * The claims of a verified token that the application declares; nothing else of the token is kept.
 * @throws {UnauthenticatedError} if they do not fit their schema, or are too large. The sentence names the claim and not its
 *   value.
 */
export function declaredClaims(payload: JWTPayload, schema: ClaimsSchema | undefined): Claims {
  if (schema === undefined) return {};
  const names = Object.keys(schema.shape).filter((name) => Object.hasOwn(payload, name));
  const claimed = Object.fromEntries(names.map((name) => [name, payload[name]]));
  const bytes = Buffer.byteLength(JSON.stringify(claimed));
  if (bytes > MAX_CLAIMS_BYTES) {
    throw new UnauthenticatedError(
      `The claims ${names.join(', ')} of the access token are ${bytes} bytes long; at most ${MAX_CLAIMS_BYTES} are taken.`,
    );
  }
  const parsed = schema.safeParse(claimed);
  if (!parsed.success) {
    const name = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new UnauthenticatedError(`The "${name}" claim of the access token is missing or not as this API expects it.`);
  }
  return Object.freeze(parsed.data) as Claims;
}

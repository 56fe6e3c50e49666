import { count, setting } from './setting.ts';
import { auditWitness, text } from './values.ts';

/** The proof of the log. */
export const auditSettings = {
  auditKey: setting(
    'AUDIT_KEY',
    'Private Ed25519 key that signs heads of the log: PEM, or the path of a file with it. It may be followed by public keys that signed before. If unset, this server signs none.',
    text,
    { secret: true },
  ),
  auditIntervalMs: count(
    'AUDIT_INTERVAL_MS',
    60_000,
    'Time between two signed heads while there are new events, in milliseconds.',
    100,
    86_400_000,
  ),
  auditWitness: setting(
    'AUDIT_WITNESS',
    'Where signed heads go: `file:/path`, or an http:// or https:// URL that gets a POST for each; if it has `{position}`, each is PUT to a URL of its own, as object stores take them. `{tenant}` is the tenant, if each has a database.',
    auditWitness,
    { secret: true },
  ),
};

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SigningOptions } from '../../kernel/audit/engine-audit.ts';
import type { SigningKey } from '../../kernel/audit/heads/next-head.ts';
import { readPublicKeys } from '../../kernel/proof/public-keys.ts';
import { keyIdOf } from '../../kernel/proof/signed-head.ts';
import { type Config, ConfigError } from '../../settings/config.ts';
import { openWitness } from './witnesses.ts';

/**
 * How this server signs heads of the log; undefined if `AUDIT_KEY` is not set.
 * @param tenant whose log it is, if each tenant has a database: it takes the place of `{tenant}` in `AUDIT_WITNESS`.
 * @throws {ConfigError} if the key cannot be used, a witness is set without it, or one witness would get the heads of several logs.
 */
export function signingOf(
  { auditKey, auditIntervalMs, auditWitness }: Config,
  tenant?: string,
): SigningOptions | undefined {
  if (auditKey === undefined) {
    if (auditWitness === undefined) return undefined;
    throw new ConfigError([
      'AUDIT_WITNESS gets nothing unless AUDIT_KEY is set: heads are signed before they are sent.',
    ]);
  }
  if (tenant !== undefined && auditWitness?.includes('{tenant}') === false) {
    throw new ConfigError([
      'AUDIT_WITNESS must have {tenant} in it, because the log of each tenant has its own heads.',
    ]);
  }
  const witness =
    tenant === undefined ? auditWitness : auditWitness?.replaceAll('{tenant}', encodeURIComponent(tenant));
  return {
    key: readSigningKey(auditKey),
    intervalMs: auditIntervalMs,
    witness: witness === undefined ? undefined : openWitness(witness),
  };
}

/**
 * Reads the value of `AUDIT_KEY`.
 * @throws {ConfigError} if it is neither a private Ed25519 key nor the path of one.
 */
export function readSigningKey(value: string): SigningKey {
  const pem = pemOf(value);
  const privateKey = parsed(() => createPrivateKey(pem), 'AUDIT_KEY has no private key in PEM that can be read');
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new ConfigError([`AUDIT_KEY is of the kind ${privateKey.asymmetricKeyType}, and must be ed25519.`]);
  }
  const former = pem.includes('BEGIN PUBLIC KEY')
    ? parsed(() => readPublicKeys(pem), 'AUDIT_KEY has a public key that cannot be used')
    : [];
  return {
    privateKey,
    publicKeys: new Map<string, KeyObject>([...former, [keyIdOf(privateKey), createPublicKey(privateKey)]]),
  };
}

/** Environment variables often have `\\n` for line feeds. */
function pemOf(value: string): string {
  if (value.startsWith('-----BEGIN')) return value.replaceAll('\\n', '\n');
  return parsed(() => readFileSync(value, 'utf8'), 'AUDIT_KEY is no PEM, and no file that can be read');
}

/** The cause may contain the key, so only its code is shown. */
function parsed<T>(parse: () => T, problem: string): T {
  try {
    return parse();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError([`${problem}${code === undefined ? '' : ` (${code})`}.`]);
  }
}

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileKeyring } from './file-keyring/file-keyring.ts';
import { type Keyring, KeyringError } from './keyring.ts';
import { keyringOfTenant } from './tenant-keyring.ts';

/** Opens keyrings of one kind. @param url of which the scheme names the kind. */
export type OpenKeyring = (url: URL) => Promise<Keyring>;
/** Kinds of keyrings of an application, by the scheme of their URL without the colon. */
export type Keyrings = Readonly<Record<string, OpenKeyring>>;

/**
 * Opens the keyring that a URL names: `file:/path`, or one of the application's kinds.
 * @throws {KeyringError}
 */
export async function openKeyring(url: string, others: Keyrings = {}): Promise<Keyring> {
  const path = keyringPath(url);
  if (path !== undefined) return FileKeyring.open(path);
  const parsed = new URL(url);
  const scheme = parsed.protocol.slice(0, -1);
  const open = Object.hasOwn(others, scheme) ? others[scheme] : undefined;
  if (open) return open(parsed);
  const known = ['file', ...Object.keys(others)].join(', ');
  throw new KeyringError(
    'KEYRING_UNAVAILABLE',
    `KEYRING_URL names a keyring of the kind ${scheme}; there is ${known}. Correct it, or add the kind to keyrings in defineApp.`,
  );
}

/**
 * The keyring of a process; undefined if it was told of none.
 * @param tenant whose data it is for, if the application has tenants.
 * @throws {KeyringError}
 */
export async function keyringOf(
  { keyringUrl }: { readonly keyringUrl: string | undefined },
  { keyrings }: { readonly keyrings: Keyrings },
  tenant?: string | undefined,
): Promise<Keyring | undefined> {
  if (keyringUrl === undefined) return undefined;
  const keyring = await openKeyring(keyringUrl, keyrings);
  return tenant === undefined ? keyring : keyringOfTenant(keyring, tenant);
}

/** The path of a keyring in a file, which may be relative to the current folder; undefined for another kind. */
export function keyringPath(url: string): string | undefined {
  if (url.startsWith('file:///')) return fileURLToPath(url);
  return url.startsWith('file:') ? resolve(url.slice('file:'.length)) : undefined;
}

import { createHmac, hash } from 'node:crypto';
import { asDerivedId } from '../define/derived-id.ts';

/** How the log recognises a command that is repeated. */
export interface CommandIdentity {
  /** The idempotency key: a UUID. */
  readonly commandId: string;
  /**
   * 128 bits of SHA-256 over the command's name, its input and its actor's id, in the form of a UUID. If another actor
   * issues the same command, it has another fingerprint.
   */
  readonly fingerprint: string;
  /** The id under which earlier versions stored a command of the engine. It counts only if the actor is the same. */
  readonly formerCommandId?: string | undefined;
  /**
   * The fingerprint that was stored before: by earlier versions, without the actor, or before there was a keyring. It counts only if the stored actor is the
   * same.
   */
  readonly formerFingerprint?: string | undefined;
}

/** The origin of a command id: a client chose it, or the engine derived it from the subject of the command. */
export type IdsFrom = 'client' | 'engine';

/**
 * @param actorId the actor's id, as in the events' metadata.
 * @param hashKey a secret, if there is a keyring: without it, nobody can find out from the fingerprint which input a command had.
 */
export function commandIdentity(
  command: string,
  input: unknown,
  actorId: string,
  commandId: string,
  idsFrom: IdsFrom = 'client',
  hashKey?: Buffer,
): CommandIdentity & { readonly formerFingerprint: string } {
  const ofInput = uuidOf(`${command}\n${canonicalJson(input)}`);
  const ofActor = uuidOf(`${ofInput}\n${actorId}`);
  const fingerprint = hashKey ? keyedFingerprint(ofActor, hashKey) : ofActor;
  // A command from before there was a keyring may be repeated.
  const formerFingerprint = hashKey ? ofActor : ofInput;
  if (idsFrom === 'client') return { commandId, fingerprint, formerFingerprint };
  const derived = asDerivedId(commandId);
  const formerCommandId = derived === commandId ? undefined : commandId;
  return { commandId: derived, fingerprint, formerCommandId, formerFingerprint };
}

/** What is stored with a keyring instead of a fingerprint. */
export function keyedFingerprint(fingerprint: string, hashKey: Buffer): string {
  return uuidOfHash(createHmac('sha256', hashKey).update(fingerprint).digest('hex'));
}

function uuidOf(text: string): string {
  return uuidOfHash(hash('sha256', text, 'hex'));
}

function uuidOfHash(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON with sorted keys. Absent, undefined and null fields are the same, as in GraphQL. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part) && !(part instanceof Date)
      ? Object.fromEntries(
          Object.entries(part)
            .filter(([, field]) => field !== undefined && field !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : part,
  );
}

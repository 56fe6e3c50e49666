import { hash } from 'node:crypto';
import { asDerivedId } from '../define/derived-id.ts';

/** How the log recognises a command that is sent again. */
export interface CommandIdentity {
  /** The idempotency key: a UUID. */
  readonly commandId: string;
  /**
   * 128 bits of SHA-256 over the command's name, its input and the id of its actor, in the form of a UUID. The same command
   * of somebody else has another one.
   */
  readonly fingerprint: string;
  /** The id under which earlier versions stored an engine's command. It counts only if its actor is the same. */
  readonly formerCommandId?: string | undefined;
  /** The fingerprint that earlier versions stored: without the actor. It counts only if the stored actor is the same. */
  readonly formerFingerprint?: string | undefined;
}

/** The origin of a command id: a client chose it, or the engine derived it from the subject of the command. */
export type IdsFrom = 'client' | 'engine';

/** @param actorId as the events' metadata has it. */
export function commandIdentity(
  command: string,
  input: unknown,
  actorId: string,
  commandId: string,
  idsFrom: IdsFrom = 'client',
): CommandIdentity & { readonly formerFingerprint: string } {
  const formerFingerprint = uuidOf(`${command}\n${canonicalJson(input)}`);
  const fingerprint = uuidOf(`${formerFingerprint}\n${actorId}`);
  if (idsFrom === 'client') return { commandId, fingerprint, formerFingerprint };
  const derived = asDerivedId(commandId);
  const formerCommandId = derived === commandId ? undefined : commandId;
  return { commandId: derived, fingerprint, formerCommandId, formerFingerprint };
}

function uuidOf(text: string): string {
  const hex = hash('sha256', text, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON with sorted keys; absent, undefined and null fields are the same, as they are in GraphQL. */
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

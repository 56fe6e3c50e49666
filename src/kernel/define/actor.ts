import { POWERS, type Power, type Role, type Roles } from './roles.ts';
import { isUuid } from './uuid.ts';

/**
 * Longest actor id, in UTF-16 units; the limit of OpenID Connect for a subject. In UTF-8 it is at most 765 bytes, which every
 * index of Postgres can hold (2,704 bytes a row).
 */
export const MAX_ACTOR_ID = 255;

/** Who asks. Made by {@link actorWith}, from credentials or by code of the application. */
export interface Actor {
  /** Subject of the request's credentials. */
  readonly id: string;
  /** What the rules of domains (`allow`, `visibleTo`) are asked for. */
  readonly roles: readonly Role[];
  /** What the actor may do beyond those rules: the greatest power of their roles. */
  readonly power?: Power;
}

/** The application acting on its own behalf: its processes, effects and imports. No credential leads to it. */
export const SYSTEM: Actor = { id: 'system', roles: ['system'] };

/** Who is behind a command in the log where nobody was signed in. */
export const NOBODY: Actor = { id: 'anonymous', roles: [] };

/**
 * The key under which shares of one caller are counted: the id of the actor, or the address if nobody is signed in. An
 * actor's id cannot look like an address's key (see {@link whyNotActorId}).
 * @param address undefined if it is not known: all callers without actor and address have one share.
 */
export function callerKey(actor: Actor | null, address?: string | undefined): string {
  if (actor) return actor.id;
  return address === undefined ? NOBODY.id : `${NOBODY.id}:${address}`;
}

export function isNobody({ id, roles }: { readonly id: string; readonly roles: readonly string[] }): boolean {
  return id === NOBODY.id && roles.length === 0;
}

/** A subject as actors have it: UUIDs in lower case, so that rules may compare them as text; an identity provider may write others. */
export function subjectOf(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/** Control characters, invisible and direction-changing format characters, line separators, halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Ids of the engine's own actors. A credential can produce none of them, nor anything that looks the same. */
const RESERVED: ReadonlySet<string> = new Set([SYSTEM.id, NOBODY.id]);

/**
 * Why a text from outside, such as the subject of a token, cannot be an actor's id: the end of a sentence that begins with
 * what the text is. Undefined if it can.
 *
 * A text that is not in normal form is refused and not normalised, since two accounts of an identity provider would
 * otherwise become one actor.
 */
export function whyNotActorId(text: string): string | undefined {
  if (text.length > MAX_ACTOR_ID) return `is ${text.length} characters long; at most ${MAX_ACTOR_ID} are taken`;
  if (text.trim() === '') return 'is blank';
  if (UNSAFE.test(text)) return 'contains control, invisible or malformed characters';
  if (text !== text.trim()) return 'begins or ends with white space';
  if (text !== text.normalize('NFC')) return 'is not in the Unicode normal form NFC';
  const reserved = reservedName(text);
  return reserved && `reads as "${reserved}", which is what the log calls somebody else`;
}

/** The engine's actor that a text reads as, alone or in front of a colon, whatever its case, width and spaces. */
function reservedName(text: string): string | undefined {
  const [name = ''] = text.normalize('NFKC').toLowerCase().replace(/\s/gu, '').split(':', 1);
  return RESERVED.has(name) ? name : undefined;
}

/** True if the actor has one of the roles, or may do everything. */
export function hasRole(actor: Actor, ...roles: readonly Role[]): boolean {
  return hasPower(actor, 'everything') || actor.roles.some((role) => roles.includes(role));
}

/** True if the actor has this power, or one that includes it. */
export function hasPower({ power }: Pick<Actor, 'power'>, needed: Power): boolean {
  return power !== undefined && POWERS.indexOf(power) >= POWERS.indexOf(needed);
}

/** An actor with the power that these roles give together. Roles that are not declared are left out. */
export function actorWith(declared: Roles, id: string, ...names: readonly string[]): Actor {
  const roles = Object.keys(declared).filter((role) => names.includes(role));
  const powers = roles.flatMap((role) => declared[role]?.power ?? []);
  const power = POWERS.findLast((each) => powers.includes(each));
  return { id, roles: roles as Role[], ...(power && { power }) };
}

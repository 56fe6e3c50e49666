import { isUuid } from '../uuid.ts';
import { type Claims, POWERS, type Power, type Role, type Roles } from './roles.ts';

/**
 * Longest actor id, in UTF-16 units; the limit of OpenID Connect for a subject. In UTF-8 it is at most 765 bytes, which every
 * index of Postgres can hold (2,704 bytes a row).
 */
export const MAX_ACTOR_ID = 255;

/** The sender of a request. Created by {@link actorWith}, from credentials or by code of the application. */
export interface Actor {
  /** Subject of the request's credentials. */
  readonly id: string;
  /** Checked by the rules of domains (`allow`, `visibleTo`). */
  readonly roles: readonly Role[];
  /**
   * Other facts from the verified credentials: the claims that the application declares in `defineApp`, at most 4 KiB.
   * For rules and resolvers; they are not stored with events.
   */
  readonly claims: Claims;
  /** Rights beyond those rules: the greatest power of the actor's roles. */
  readonly power?: Power;
  /**
   * The tenant that the credentials name; see `whyNotTenant` for its form. Every request of an application with tenants has one,
   * and no other has. Actors made by code have none: they work on the engine that they are given, which is that of one tenant.
   */
  readonly tenant?: string;
}

/** The application acting on its own behalf: its processes, effects and imports. No credential identifies it. */
export const SYSTEM: Actor = { id: 'system', roles: ['system'], claims: {} };

/** The actor of a command in the log if nobody was signed in. */
export const NOBODY: Actor = { id: 'anonymous', roles: [], claims: {} };

/**
 * The key under which the shares of one caller of a server are counted: the id of the actor, within their tenant if there are
 * tenants, or the address if nobody is signed in. An actor's id cannot look like an address's key (see {@link whyNotActorId}).
 * @param address undefined if it is not known: all callers without actor and address have one share.
 */
export function callerKey(actor: Actor | null, address?: string | undefined): string {
  const key = initiatorKey(actor, address);
  // No tenant's name has a slash.
  return actor?.tenant === undefined ? key : `${actor.tenant}/${key}`;
}

/** The key of a caller within one engine. For an actor it is their id, as it is in the log. */
export function initiatorKey(actor: Actor | null, address?: string | undefined): string {
  if (actor) return actor.id;
  return address === undefined ? NOBODY.id : `${NOBODY.id}:${address}`;
}

export function isNobody({ id, roles }: { readonly id: string; readonly roles: readonly string[] }): boolean {
  return id === NOBODY.id && roles.length === 0;
}

/**
 * The id of an actor for a subject: UUIDs are converted to lower case, because identity providers may write them
 * differently and rules compare ids as text.
 */
export function subjectOf(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/** Control characters, invisible and direction-changing format characters, line separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Ids of the engine's own actors. No credential can produce one of them, nor anything that looks the same. */
const RESERVED: ReadonlySet<string> = new Set([SYSTEM.id, NOBODY.id]);

/**
 * Why a text from outside, such as the subject of a token, cannot be an actor's id, as the end of a sentence that
 * begins with the name of the text. Undefined if it can. A text that is not in normal form is refused instead of
 * normalised, because two accounts of an identity provider could otherwise become one actor.
 */
export function whyNotActorId(text: string): string | undefined {
  if (text.length > MAX_ACTOR_ID) return `is ${text.length} characters long; at most ${MAX_ACTOR_ID} are taken`;
  if (text.trim() === '') return 'is blank';
  if (UNSAFE.test(text)) return 'contains control, invisible or malformed characters';
  if (text !== text.trim()) return 'begins or ends with white space';
  if (text !== text.normalize('NFC')) return 'is not in the Unicode normal form NFC';
  const reserved = reservedName(text);
  return reserved && `reads as "${reserved}", a name that the log uses for another actor`;
}

/** The engine's actor whose name the text reads like, alone or before a colon, in any case, width and spacing. */
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

/** An actor with the combined power of these roles, without claims. Undeclared roles are ignored. */
export function actorWith(declared: Roles, id: string, ...names: readonly string[]): Actor {
  const roles = Object.keys(declared).filter((role) => names.includes(role));
  const powers = roles.flatMap((role) => declared[role]?.power ?? []);
  const power = POWERS.findLast((each) => powers.includes(each));
  return { id, roles: roles as Role[], claims: {}, ...(power && { power }) };
}

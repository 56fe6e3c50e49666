import { type Actor, callerKey } from '../define/actor.ts';
import { SYSTEM_ROLE } from '../define/roles.ts';
import type { IdsFrom } from './command-identity.ts';

/** Who issues a command, and how it is to be taken. */
export interface ExecuteOptions {
  /** Null where nobody is signed in. */
  readonly actor: Actor | null;
  /** The idempotency key, a UUID: the same command again answers the first receipt. Made where it is left out. */
  readonly commandId?: string | null | undefined;
  /**
   * Where the command id comes from; a client unless given. Ids that the engine derives from what a command is about are
   * stored in a form that is refused from clients (see `derived-id.ts`), so that nobody can use one first.
   */
  readonly idsFrom?: IdsFrom;
  /** Accept only where the stream is at this version. Left out, the command is decided again after a conflict. */
  readonly expectedVersion?: number | null | undefined;
  /** Business time, where it is earlier than now. */
  readonly occurredAt?: Date | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  /** W3C trace context of what it belongs to. */
  readonly traceparent?: string | undefined;
  /** It continues what was taken before, as a process does: that goes on also while lag keeps what is new out. */
  readonly isContinuation?: boolean;
  /** Id of the actor whose request started the chain that this command belongs to; the actor's own id unless given. */
  readonly initiator?: string | undefined;
  /** Where the request came from. Anonymous callers of one address have one share of the append queue. It is not stored. */
  readonly address?: string | undefined;
}

/** Whether it is the application's own work, which goes on however much of it there is. */
export function isSystems({ actor, isContinuation }: ExecuteOptions): boolean {
  return isContinuation === true || actor?.roles.includes(SYSTEM_ROLE) === true;
}

/** On whose behalf a command is: whose share of the queue and of the load it takes. */
export function callerOf({ actor, initiator, address }: ExecuteOptions): string {
  return initiator ?? callerKey(actor, address);
}

import { type Actor, initiatorKey } from '../define/access/actor.ts';
import { SYSTEM_ROLE } from '../define/access/roles.ts';
import type { Subject } from '../define/personal/subject.ts';
import type { IdsFrom } from './command-identity.ts';

/** The issuer of a command, and how to execute it. */
export interface ExecuteOptions {
  /** Null if nobody is signed in. */
  readonly actor: Actor | null;
  /** The idempotency key, a UUID: the same command again gets the first receipt. Generated if omitted. */
  readonly commandId?: string | null | undefined;
  /**
   * The origin of the command id; a client by default. Ids that the engine derives from the subject of a command have a
   * form that is refused from clients (see `derived-id.ts`), so that nobody can use one first.
   */
  readonly idsFrom?: IdsFrom;
  /** Accept only if the stream is at this version. If omitted, the command is decided again after a conflict. */
  readonly expectedVersion?: number | null | undefined;
  /** Business time, if it is earlier than now. */
  readonly occurredAt?: Date | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  /** W3C trace context of the parent. */
  readonly traceparent?: string | undefined;
  /**
   * True if the command continues accepted work, as those of a process do. Such commands are executed even while lag
   * keeps new ones out.
   */
  readonly isContinuation?: boolean;
  /** Id of the actor whose request started the chain of this command; the actor's own id by default. */
  readonly initiator?: string | undefined;
  /** Whom the event is about that has caused the command. Its events are about the same, unless they say otherwise. */
  readonly subject?: Subject | undefined;
  /** The address of the request. Anonymous callers of one address have one share of the append queue. Not stored. */
  readonly address?: string | undefined;
  /** Called with the approximate bytes of the events that the command has appended, before it is answered. */
  readonly onAppended?: ((bytes: number) => void) | undefined;
}

/** True for the application's own work, which is never limited by its load. */
export function isSystems({ actor, isContinuation }: ExecuteOptions): boolean {
  return isContinuation === true || actor?.roles.includes(SYSTEM_ROLE) === true;
}

/** The caller to whom a command counts in the queue and in the load. */
export function callerOf({ actor, initiator, address }: ExecuteOptions): string {
  return initiator ?? initiatorKey(actor, address);
}

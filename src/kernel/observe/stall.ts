import type { Blocker, BusyBackend } from '../../database/activity/activity.ts';
import type { Clock } from '../clock/clock.ts';

/** Why appending or a projection does not progress. */
export interface Stall {
  /** `append`, the projection's name, or `process:` or `effect:` and a name. */
  readonly what: string;
  readonly since: Date;
  /** The lock or other thing that it waits for, in words; null if unknown. */
  readonly waitingFor: string | null;
  /** The blockers. Their statements may contain what people have written: for operators only. */
  readonly blockers: readonly Blocker[];
  /** The first waiting event; its position is null if it has none yet. */
  readonly event: StalledEvent | null;
  /** All of this as a sentence, except for the statements. */
  readonly message: string;
}

export interface StalledEvent {
  readonly position: number | null;
  readonly type: string;
  readonly streamType: string;
  readonly streamId: string;
}

/** Something that has not progressed for a while. */
export interface CurrentWork {
  readonly what: string;
  /** For how long, in ms. */
  readonly forMs: number;
  readonly event: StalledEvent | null;
  /** Why the last attempt failed, if it is being retried. */
  readonly trouble: string | undefined;
}

/** Work that does not wait for a lock may just be slow. After this time it is called a stall, in ms. */
const SLOW_MS = 5000;

/**
 * Explains a stall.
 *
 * @param clock the time of Postgres.
 * @param backends connections that work for it; undefined if Postgres did not answer.
 * @returns undefined if it is only slow.
 */
export function explainStall(
  work: CurrentWork,
  backends: readonly BusyBackend[] | undefined,
  clock: Clock,
): Stall | undefined {
  const { what, event } = work;
  const backend = backends?.find(({ isLocked }) => isLocked) ?? backends?.[0];
  if (!backend?.isLocked && work.forMs < SLOW_MS) return undefined;
  // A batch on a connection that was given up may have left a statement behind, which has waited longer.
  const began = new Date(Math.round(clock.now() - work.forMs));
  const since = backend?.isLocked && backend.since < began ? backend.since : began;
  const waitingFor = backend ? backend.waitingFor : withoutBackend(work, backends !== undefined);
  const blockers = backend?.blockers ?? [];
  const subject = what === 'append' ? 'Appending' : `Projection ${what}`;
  const behind = blockers.length > 0 ? `, held by ${blockers.map(blockerInWords).join(' and ')}` : '';
  const why =
    waitingFor === null ? `backend ${backend?.pid} works on one statement` : `it waits for ${waitingFor}${behind}`;
  const message = `${subject} has made no progress since ${since.toISOString()}${event ? ` before ${eventInWords(event)}` : ''}: ${why}.`;
  return { what, since, waitingFor, blockers, event, message };
}

function withoutBackend({ trouble }: CurrentWork, answers: boolean): string {
  if (!answers) return `Postgres, which does not answer${trouble === undefined ? '' : ` (${trouble})`}`;
  // Postgres' messages for retryable errors name what is missing, and contain no values.
  return trouble === undefined
    ? 'a connection to Postgres: no statement of it is running'
    : `the next attempt (${trouble})`;
}

function eventInWords({ position, type, streamType, streamId }: StalledEvent): string {
  return `${position === null ? '' : `event ${position}, `}${type} of ${streamType} ${streamId}`;
}

function blockerInWords({ pid, application, user, state, since }: Blocker): string {
  if (pid === null) return 'a prepared transaction (see pg_prepared_xacts)';
  const facts = [
    application,
    user && `user ${user}`,
    state && `${state}${since ? ` since ${since.toISOString()}` : ''}`,
  ];
  const known = facts.filter(Boolean).join(', ');
  return `backend ${pid}${known ? ` (${known})` : ''}`;
}

import { Mailbox } from '../../kernel/notify/mailbox.ts';
import { positionOf } from '../consistency/wait.ts';
import type { Context } from '../context.ts';
import { namesOf } from './projection-names.ts';

/** Bytes for waiting for one read model, and for its message. */
const PROJECTION_BYTES = 1024;

export interface CaughtUp {
  readonly projection: string;
  readonly position: number;
  readonly waitedMs: number;
}

/** One message for each projection as it reaches a token's position; then the end. */
export function caughtUp(
  args: { token: string; projections?: readonly string[] | null | undefined },
  context: Context,
): AsyncIterableIterator<CaughtUp> {
  const { engine, operation, caller } = context;
  const { signal, allotment } = operation;
  const { positions } = engine.readSide;
  const projections = namesOf(args.projections, context);
  allotment?.take(PROJECTION_BYTES * projections.length);
  const gone = new AbortController();
  const begin = async () => {
    const began = performance.now();
    const position = await positionOf(engine, args.token);
    const waiting = { signal: gone.signal, caller, as: 'subscription' } as const;
    await Promise.all(
      projections.map(async (projection) => {
        if (!(await positions.reached(projection, position, waiting))) return;
        const waitedMs = Math.round(performance.now() - began);
        mailbox.put(projection, { projection, position: positions.of(projection), waitedMs });
      }),
    );
    mailbox.end();
  };
  const mailbox = new Mailbox<CaughtUp>({
    signal,
    start: () => void begin().catch((error) => mailbox.fail(error)),
    onClose: () => gone.abort(),
  });
  return mailbox;
}

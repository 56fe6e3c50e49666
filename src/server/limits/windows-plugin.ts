import type { Plugin } from 'graphql-yoga';
import type { Signal } from '../../database/signal.ts';
import type { Context } from '../../graphql/context.ts';
import { OperationTimeoutError } from '../../graphql/errors.ts';
import { BYTES_PER_POINT } from '../../graphql/limits/sizes.ts';
import type { LeaveWindow } from '../../scheduling/caller-windows.ts';
import type { OperationWindows } from './operation-windows.ts';
import { refuseBy } from './plugin.ts';
import type { Visit } from './visit.ts';

/** An operation that costs no more points than this reads single rows: it never waits for others of its caller. */
const LIGHT_COST = 100;

type WindowedOperation = Context & { readonly visit?: Visit };

/**
 * Executes a few large operations of a caller at a time while others are there, from the first read until the answer is
 * serialised. What the first ones have taken counts for those that wait. It is the last plugin: an operation that waits
 * for a token holds no place.
 * @param timeoutMs of an operation, including the time that it waits here.
 */
export function useOperationWindows(windows: OperationWindows, timeoutMs: number): Plugin {
  return {
    onExecute: ({ args, setResultAndStopExecution: stop }) => {
      const { visit, caller, budget, operation } = args.contextValue as unknown as WindowedOperation;
      if (!visit || operation.cost <= LIGHT_COST) return undefined;
      const begin = (leave: LeaveWindow) => {
        // Nothing is reported of an operation that throws.
        visit.onLeave(leave);
        return {
          onExecuteDone: () => {
            windows.took(caller, budget.chargedBytes);
            leave();
          },
        };
      };
      const place = windows.enter(caller, operation.cost * BYTES_PER_POINT);
      if (typeof place === 'function') return begin(place);
      return unlessAborted(place, operation.signal).then(async (leave) => {
        if (!leave) {
          stop({ errors: [new OperationTimeoutError(timeoutMs) as never] });
          return undefined;
        }
        const hooks = begin(leave);
        try {
          visit.mayBegin();
        } catch (error) {
          refuseBy(visit, stop as never)(error);
        }
        return hooks;
      });
    },
  };
}

/** The place, or undefined if the operation is over before. Then the place is given back as soon as it is granted. */
function unlessAborted(place: Promise<LeaveWindow>, signal: Signal | undefined): Promise<LeaveWindow | undefined> {
  return new Promise((resolve) => {
    const giveUp = () => resolve(undefined);
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    void place.then((leave) => {
      signal?.removeEventListener('abort', giveUp);
      if (signal?.aborted) leave();
      else resolve(leave);
    });
  });
}

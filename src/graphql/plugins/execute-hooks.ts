import type { ExecutionArgs, ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { isPromise } from '../execution/run.ts';

/** Executes an operation of a valid document. Rejects with what a plugin throws. */
export type ExecuteOperation = (args: ExecutionArgs) => Promise<ExecutionResult>;

type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

interface Done {
  readonly args: ExecutionArgs;
  result: ExecutionResult;
  readonly setResult: (result: ExecutionResult) => void;
}

interface DoneHooks {
  readonly onExecuteDone?: (done: Done) => unknown;
}

type StartHook = (start: ExecutionStart) => DoneHooks | undefined | Promise<DoneHooks | undefined>;

/** What plugins are told when an operation begins. One object serves all of them. */
class ExecutionStart {
  readonly args: ExecutionArgs;
  executeFn: Execute = unset;
  stoppedWith: ExecutionResult | undefined;

  constructor(args: ExecutionArgs) {
    this.args = args;
  }

  readonly setExecuteFn = (execute: Execute): void => {
    this.executeFn = execute;
  };

  readonly setResultAndStopExecution = (result: ExecutionResult): void => {
    this.stoppedWith = result;
  };
}

/**
 * Executes operations with the `onExecute` and `onExecuteDone` hooks of plugins, in the same order and with the same
 * meaning as in Envelop, which makes objects, closures and promises for each hook of each operation. The hooks may replace the
 * execution and its result. They cannot extend the context.
 */
export function executeWith(plugins: readonly Plugin[]): ExecuteOperation {
  const hooks = plugins.flatMap(({ onExecute }) => (onExecute ? [onExecute as unknown as StartHook] : []));
  return async (args) => {
    const start = new ExecutionStart(args);
    const ends: NonNullable<DoneHooks['onExecuteDone']>[] = [];
    for (const hook of hooks) {
      const begun = hook(start);
      const { onExecuteDone } = (isPromise(begun) ? await begun : begun) ?? {};
      if (onExecuteDone) ends.push(onExecuteDone);
      if (start.stoppedWith) break;
    }
    const done: Done = {
      args,
      result: start.stoppedWith ?? (await start.executeFn(args)),
      setResult: (result) => {
        done.result = result;
      },
    };
    for (const end of ends) {
      const ended = end(done);
      if (isPromise(ended)) await ended;
    }
    return done.result;
  };
}

function unset(): never {
  throw new Error('No plugin has set what executes operations.');
}

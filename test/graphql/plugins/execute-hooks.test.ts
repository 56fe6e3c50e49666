import { runInNewContext } from 'node:vm';
import { type ExecutionArgs, type ExecutionResult, parse } from 'graphql';
import { createSchema, createYoga, type Plugin } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import { executeWith } from '../../../src/graphql/plugins/execute-hooks.ts';

const schema = createSchema({ typeDefs: 'type Query { n: Int }' });
const document = parse('{ n }');

/** What the plugins of a test do, in this order. */
let steps: string[];

/** A plugin that notes when it is called, and adds its name to the answer. */
function noting(name: string, more: { readonly waits?: boolean; readonly stops?: boolean } = {}): Plugin {
  return {
    onExecute: ({ executeFn, setExecuteFn, setResultAndStopExecution }) => {
      steps.push(`${name} begins`);
      setExecuteFn((args) => {
        steps.push(`${name} executes`);
        return executeFn(args);
      });
      if (more.stops) setResultAndStopExecution({ data: { stoppedBy: name } });
      const hooks = {
        onExecuteDone: async ({ result, setResult }: { result: unknown; setResult: (result: never) => void }) => {
          if (more.waits) await Promise.resolve();
          steps.push(`${name} ends`);
          const { data } = result as ExecutionResult;
          setResult({ data: { ...data, [name]: true } } as never);
        },
      };
      return (more.waits ? Promise.resolve(hooks) : hooks) as never;
    },
  };
}

const executor: Plugin = {
  onExecute: ({ setExecuteFn }) => {
    setExecuteFn(async ({ contextValue }) => ({ data: { asked: contextValue } }));
  },
};

const argsOf = (contextValue: object): ExecutionArgs => ({ schema, document, contextValue });

/** What Envelop does with the same plugins. */
async function enveloped(plugins: Plugin[]) {
  steps = [];
  const { execute } = createYoga({ schema, plugins, maskedErrors: false, logging: false }).getEnveloped({});
  const result = await execute(argsOf({ by: 'ada' }));
  return { result, steps };
}

async function hooked(plugins: Plugin[]) {
  steps = [];
  const result = await executeWith(plugins)(argsOf({ by: 'ada' }));
  return { result, steps };
}

describe('plugins around the execution of an operation', () => {
  it.each([
    ['one', [executor, noting('a')]],
    ['several', [executor, noting('a'), noting('b'), noting('c')]],
    ['some that wait', [executor, noting('a'), noting('b', { waits: true }), noting('c')]],
    ['one that stops the execution', [executor, noting('a'), noting('b', { stops: true }), noting('c')]],
    ['one that waits and stops', [executor, noting('a'), noting('b', { waits: true, stops: true }), noting('c')]],
    ['some without hooks', [executor, {}, noting('a'), { onExecute: () => undefined }, noting('b')]],
  ] as [string, Plugin[]][])('are called as Envelop calls them: %s', async (_, plugins) => {
    const found = await hooked(plugins);
    expect(found).toEqual(await enveloped(plugins));
    expect(found.steps).not.toEqual([]);
  });

  it('are awaited whatever class of promise they return', async () => {
    const OtherPromise = runInNewContext('Promise') as PromiseConstructor;
    const waiting: Plugin = {
      onExecute: () => OtherPromise.resolve({ onExecuteDone: () => void steps.push('ends') }) as never,
    };
    const found = await hooked([executor, waiting]);
    expect(found).toEqual(await enveloped([executor, waiting]));
    expect(found.steps).toEqual(['ends']);
  });

  it('reject with what one of them throws', async () => {
    const failing: Plugin = {
      onExecute: () => {
        throw new Error('No room.');
      },
    };
    await expect(executeWith([executor, failing])(argsOf({}))).rejects.toThrow('No room.');
  });

  it('reject if none of them says what executes', async () => {
    await expect(executeWith([])(argsOf({}))).rejects.toThrow('No plugin has set what executes operations.');
  });
});

import { type DocumentNode, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import type { OperationPhase, PhaseListener } from '../phases.ts';

/** Reports what is done for which operation. Must come before all plugins that do work of their own. */
export function usePhases(listener: PhaseListener): Plugin {
  const ended = () => listener.ended();
  /** The operation continues in microtasks: the end is noted after all of them. */
  const resumed = (phase: () => OperationPhase) => {
    listener.began(phase);
    queueMicrotask(() => process.nextTick(ended));
  };
  return {
    onParse: ({ params: { source } }) => {
      const document = typeof source === 'string' ? source : source.body;
      listener.began(() => phaseOf('parse', { document }));
      return ended;
    },
    onValidate: ({ params: { documentAST } }) => {
      listener.began(() => phaseOf('validate', { document: textOf(documentAST) }));
      return ended;
    },
    onExecute: ({ args, executeFn, setExecuteFn }) => {
      const execution = executionOf(args);
      const context = args.contextValue as unknown as Context;
      context.operation.whenResumed(() => resumed(() => phaseOf('execute', execution())));
      setExecuteFn((again) => {
        listener.began(() => phaseOf('execute', execution()));
        try {
          return executeFn(again);
        } finally {
          listener.ended();
        }
      });
      return {
        onExecuteDone: () => {
          listener.began(() => phaseOf('answer', execution()));
          // The rest of this turn serialises the answer.
          setImmediate(ended);
        },
      };
    },
    onSubscribe: ({ args }) => {
      const execution = executionOf(args);
      const context = args.contextValue as unknown as Context;
      context.operation.whenResumed(() => resumed(() => phaseOf('execute', execution())));
    },
  } as Plugin;
}

type PhaseFacts = Partial<Omit<OperationPhase, 'name'>>;

function phaseOf(name: OperationPhase['name'], known: PhaseFacts): OperationPhase {
  const { document, operationName, kind, actor, correlationId } = known;
  return { name, document, operationName, kind, actor, correlationId };
}

/** @returns a function that looks the details up when they are needed. */
function executionOf(args: {
  document: DocumentNode;
  operationName?: unknown;
  contextValue?: unknown;
}): () => PhaseFacts {
  return () => {
    const { actor, correlationId } = args.contextValue as Context;
    const name = typeof args.operationName === 'string' ? args.operationName : undefined;
    const operation = getOperationAST(args.document, name);
    return {
      document: textOf(args.document),
      operationName: operation?.name?.value,
      kind: operation?.operation,
      actor,
      correlationId,
    };
  };
}

function textOf(document: DocumentNode): string | undefined {
  return document.loc?.source.body;
}

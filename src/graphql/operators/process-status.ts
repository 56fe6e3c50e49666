import type { ProcessStatus } from '../../kernel/process/process-status.ts';
import type { Builder } from '../builder.ts';
import { POLLED } from '../consistency/polled.ts';
import type { Context } from '../context.ts';
import { forOperator, operatorOf } from './operator.ts';
import { type addStalls, stallFor } from './stalls.ts';

/** Adds the query `processes`. */
export function addProcessStatus(builder: Builder, StallType: ReturnType<typeof addStalls>): void {
  const Kind = builder.enumType('ProcessKind', {
    description: 'The kind of a consumer that reacts to events.',
    values: {
      PROCESS: { description: 'A kind of process, which issues commands.' },
      EFFECT: { description: 'Calls to external services.' },
    } as const,
  });
  const State = builder.enumType('ProcessState', {
    description: 'The state of a kind of process or an effect.',
    values: {
      RUNNING: { description: 'It follows the log.' },
      AHEAD_OF_CODE: {
        description:
          'It waits for an instance with newer code, which has stored an event that it needs. Nothing is parked.',
      },
      STALLED: { description: 'Something in it cannot continue; an operator has to act. The rest continues.' },
      STOPPED: { description: 'Nobody runs it at the moment.' },
    } as const,
  });
  const Status = builder.objectRef<ProcessStatus>('ProcessStatus').implement({
    description: 'The status of a kind of process or an effect.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The name or title.' }),
      kind: t.field({ type: Kind, description: 'Process or effect.', resolve: ({ kind }) => kind }),
      state: t.field({ type: State, description: 'The current state.', resolve: ({ state }) => state }),
      position: t.field({
        type: 'SafeInt',
        description: 'Every event up to here has been handled or is parked.',
        resolve: ({ position }) => position,
      }),
      lag: t.field({
        type: 'SafeInt',
        description: 'Events between that position and the end of the log; most of them may already be handled.',
        resolve: ({ lag }) => lag,
      }),
      parked: t.int({
        description:
          'Steps or calls that cannot continue, and those that wait behind them. Each is retried automatically.',
        resolve: ({ parked }) => parked,
      }),
      pending: t.int({
        description:
          'Steps or calls that were read and are not done, on the server that runs it; 0 if another server answers.',
        resolve: ({ pending }) => pending,
      }),
      stall: t.field({
        type: StallType,
        nullable: true,
        description: 'The first item that is parked because of a fault, on the server that runs it.',
        resolve: ({ kind, name }, _, context: Context) => stallFor(context, `${kind.toLowerCase()}:${name}`),
      }),
      failure: t.string({
        nullable: true,
        description:
          'Why something in it cannot continue. May quote what people have written: for operators who may act.',
        resolve: ({ failure }, _, context: Context) => forOperator(context, 'operate', failure),
      }),
      owner: t.string({
        nullable: true,
        description: 'The process that runs it, as host:pid; null if nobody does. For operators who may act.',
        resolve: ({ owner }, _, context: Context) => forOperator(context, 'operate', owner),
      }),
    }),
  });
  builder.queryField('processes', (t) =>
    t.field({
      type: [Status],
      extensions: POLLED,
      description: 'The status of processes and external calls. For operators.',
      resolve: (_, __, context: Context) => {
        operatorOf(context, 'observe', 'look at processes');
        return context.engine.processes.status();
      },
    }),
  );
}

import type { ProcessStatus } from '../../kernel/process/process-status.ts';
import type { Builder } from '../builder.ts';
import type { Context } from '../context.ts';
import { forOperator, operatorOf } from './operator.ts';
import { type addStalls, stallFor } from './stalls.ts';

/** Adds the query `processes`. */
export function addProcessStatus(builder: Builder, StallType: ReturnType<typeof addStalls>): void {
  const Kind = builder.enumType('ProcessKind', {
    description: 'What answers events.',
    values: {
      PROCESS: { description: 'A kind of processes, which issue commands.' },
      EFFECT: { description: 'Calls to the outside.' },
    } as const,
  });
  const State = builder.enumType('ProcessState', {
    description: 'What a kind of processes or an effect is doing.',
    values: {
      RUNNING: { description: 'It follows the log.' },
      STALLED: { description: 'Something in it cannot go on; an operator has to look. The rest goes on.' },
      STOPPED: { description: 'Nobody runs it at the moment.' },
    } as const,
  });
  const Status = builder.objectRef<ProcessStatus>('ProcessStatus').implement({
    description: 'Where a kind of processes or an effect stands.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'What it is called.' }),
      kind: t.field({ type: Kind, description: 'What it is.', resolve: ({ kind }) => kind }),
      state: t.field({ type: State, description: 'What it is doing.', resolve: ({ state }) => state }),
      position: t.field({
        type: 'SafeInt',
        description: 'Every event up to here has been answered or is parked.',
        resolve: ({ position }) => position,
      }),
      lag: t.field({
        type: 'SafeInt',
        description: 'Events between that and the end of the log; most may be answered too.',
        resolve: ({ lag }) => lag,
      }),
      parked: t.int({
        description:
          'Steps or calls that cannot go on, and those that wait behind them. Each is tried again by itself.',
        resolve: ({ parked }) => parked,
      }),
      pending: t.int({
        description:
          'Steps or calls that are read and not done, on the server that runs it; 0 if another server answers.',
        resolve: ({ pending }) => pending,
      }),
      stall: t.field({
        type: StallType,
        nullable: true,
        description: 'What is parked first for a fault, on the server that runs it.',
        resolve: ({ kind, name }, _, context: Context) => stallFor(context, `${kind.toLowerCase()}:${name}`),
      }),
      failure: t.string({
        nullable: true,
        description:
          'Why something in it cannot go on. May name what people have written: only operators who may act see it.',
        resolve: ({ failure }, _, context: Context) => forOperator(context, 'operate', failure),
      }),
      owner: t.string({
        nullable: true,
        description: 'Who runs it, as host:pid; null where nobody does. Operators who may act see it.',
        resolve: ({ owner }, _, context: Context) => forOperator(context, 'operate', owner),
      }),
    }),
  });
  builder.queryField('processes', (t) =>
    t.field({
      type: [Status],
      description: 'Where processes and calls to the outside stand. For operators.',
      resolve: (_, __, context: Context) => {
        operatorOf(context, 'observe', 'look at processes');
        return context.engine.processes.status();
      },
    }),
  );
}

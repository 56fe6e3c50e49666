import type { Command } from '../../kernel/define/command.ts';
import type { Builder } from '../builder.ts';
import type { InputTypes } from './input-types.ts';
import { addResultTypes, toResult } from './result-types.ts';

/**
 * Adds a mutation for every command, with its input and its possible answers.
 * @returns the interface `Error`.
 */
export function addMutations(builder: Builder, inputs: InputTypes, commands: Iterable<Command>) {
  const { CommandResult, ErrorInterface } = addResultTypes(builder);
  for (const command of commands) {
    const input = inputs.object(command.input, {
      name: `${command.name[0]?.toUpperCase()}${command.name.slice(1)}Input`,
      description: `The input of \`${command.name}\`.`,
    });
    builder.mutationField(command.name, (t) =>
      t.field({
        type: CommandResult,
        ...(command.description ? { description: command.description } : {}),
        args: {
          input: t.arg({ type: input, required: true, description: 'The input of the command.' }),
          commandId: t.arg.id({
            description: 'The idempotency key, a UUID: a repeated command with the same input gets the first receipt.',
          }),
          expectedVersion: t.arg.int({
            description:
              'Accept only if the stream is at this version; if omitted, the command is decided on the current state.',
          }),
        },
        resolve: async (_, { input: value, commandId, expectedVersion }, context, { path }) => {
          const { engine, actor, address, correlationId, operation, consistency, budget } = context;
          const { traceparent } = operation;
          const onAppended = (bytes: number) => budget.appended(bytes);
          const options = { actor, address, commandId, expectedVersion, correlationId, traceparent, onAppended };
          const outcome = await engine.bus.executeUnchecked(command, value, options);
          if (outcome.kind === 'accepted') consistency.hasAccepted(String(path.key), outcome.receipt);
          return toResult(outcome);
        },
      }),
    );
  }
  return ErrorInterface;
}

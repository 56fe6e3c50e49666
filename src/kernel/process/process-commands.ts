import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import { type CommandOf, defineCommand } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process, ProcessState } from '../define/process-manager/process.ts';
import { processEvents } from '../define/process-manager/process-events.ts';
import { begins, react } from './react.ts';

// The engine's own commands for a process's stream. They are not in the API. Their ids are derived from their subjects,
// and their inputs contain nothing else, so that a repetition is a replay even after a deployment.

const ReactInput = z.object({ process: z.string(), eventId: z.string() });
const RefuseInput = z.object({ process: z.string(), commandId: z.string() });
const ReachInput = z.object({ process: z.string(), name: z.string(), at: z.iso.datetime() });

/** A refusal that will be the same however often the command is issued. */
export type FinalRefusal = Extract<CommandOutcome, { kind: 'rejected' | 'invalid' | 'notFound' }>;

/** A command of the engine, with its input and its options. */
export interface OwnCommand {
  readonly command: CommandOf<z.ZodObject>;
  readonly input: Readonly<Record<string, string>>;
  readonly commandId: string;
}

function own(
  process: Process,
  verb: string,
  schema: z.ZodObject,
  input: Readonly<Record<string, string>>,
  commandId: string,
  decide: (state: ProcessState<unknown>) => ReturnType<typeof react>,
  creates = false,
): OwnCommand {
  const { name, aggregate } = process;
  const id = () => input.process;
  const command = defineCommand(`${name}.${verb}`, {
    aggregate,
    creates,
    input: schema,
    id,
    allow: ['system'],
    decide,
  });
  return { command, input, commandId };
}

/** The process answers an event. */
export function reacting(process: Process, id: string, event: RecordedEvent): OwnCommand {
  const input = { process: id, eventId: event.eventId };
  const decide = (state: ProcessState<unknown>) => react(process, state, event);
  return own(process, 'react', ReactInput, input, uuidv5(process.name, event.eventId), decide, begins(process, event));
}

/**
 * Records that one of the process's commands was refused. This uses that command's own id, so that the log contains
 * either the command's events or its refusal: an instance that has lost the process without knowing may still be
 * issuing it.
 */
export function refusing(
  process: Process,
  id: string,
  requested: {
    readonly commandId: string;
    readonly command: string;
    readonly input: Record<string, z.core.util.JSONType>;
  },
  outcome: FinalRefusal,
): OwnCommand {
  const { commandId } = requested;
  const refused = processEvents.CommandRefused({ ...requested, ...reasonOf(outcome) });
  const decide = () => [refused];
  return own(process, 'refuse', RefuseInput, { process: id, commandId }, commandId, decide);
}

/** A deadline is due. Does nothing if it was cleared or moved meanwhile. */
export function reaching(process: Process, id: string, name: string, at: Date): OwnCommand {
  const time = at.toISOString();
  const decide = ({ deadlines }: ProcessState<unknown>) =>
    deadlines[name] === time ? [processEvents.DeadlineReached({ name, at: time })] : [];
  const commandId = uuidv5(`${process.name} ${name} ${time}`, id);
  return own(process, 'reach', ReachInput, { process: id, name, at: time }, commandId, decide);
}

function reasonOf(outcome: FinalRefusal): { code: string; message: string } {
  switch (outcome.kind) {
    case 'rejected':
      return { code: outcome.code, message: outcome.message };
    case 'invalid':
      return {
        code: 'INVALID',
        message: outcome.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join(' '),
      };
    case 'notFound':
      return { code: 'NOT_FOUND', message: `There is no ${outcome.aggregate} ${outcome.aggregateId}.` };
  }
}

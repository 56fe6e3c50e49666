import { derivedId } from '../define/derived-id.ts';
import type { DataOf, NewEvent, RecordedEvent } from '../define/event.ts';
import type { DeadlineStep, IssueStep, Process, ProcessState, Step } from '../define/process-manager/process.ts';
import { processEvents } from '../define/process-manager/process-events.ts';

type DataOfEngineEvent<K extends keyof typeof processEvents> = DataOf<(typeof processEvents)[K]>;

/**
 * The id of the process that an event is for. For an event of its own stream, this is the stream's id; for any other
 * event, the process's reaction returns it.
 */
export function processIdOf(process: Process, event: RecordedEvent): string | undefined {
  if (event.streamType === process.name) return isTold(process, event) ? event.streamId : undefined;
  return process.on.get(event.type)?.process(event)?.toLowerCase();
}

/** True if an event of the process's own stream makes the process react. */
function isTold(process: Process, { type, data }: RecordedEvent): boolean {
  if (type === 'CommandRefused')
    return process.answers('refused', (data as DataOfEngineEvent<'CommandRefused'>).command);
  if (type === 'DeadlineReached')
    return process.answers('deadlines', (data as DataOfEngineEvent<'DeadlineReached'>).name);
  return false;
}

/**
 * The events that result in the process's own stream from an event. Pure and repeatable: ids of commands are derived
 * from the event's.
 */
export function react<State>(
  process: Process<State>,
  { own, deadlines }: ProcessState<State>,
  event: RecordedEvent,
): NewEvent[] {
  const steps = [stepsFor(process, own, event)].flat();
  return steps.flatMap((step, nth): NewEvent | [] => {
    if ('type' in step) return step;
    refuseUndeclared(process, event, step);
    if (step.step === 'issue') {
      const commandId = derivedId(`${process.name} ${nth}`, event.eventId);
      const input = JSON.parse(JSON.stringify(step.input)) as DataOfEngineEvent<'CommandRequested'>['input'];
      return processEvents.CommandRequested({ commandId, command: step.command, input });
    }
    const { name, at } = step;
    if (at) return processEvents.DeadlineSet({ name, at: at.toISOString() });
    return deadlines[name] === undefined ? [] : processEvents.DeadlineCleared({ name });
  });
}

/** The compiler refuses such a step, unless its name is known only at run time. */
function refuseUndeclared(process: Process, event: RecordedEvent, step: IssueStep | DeadlineStep): void {
  const { name } = process;
  if (step.step === 'issue') {
    if (process.issues.has(step.command)) return;
    const sentence = `it issues ${step.command}, which its definition does not list. Add it: issues: { ${step.command} }`;
    throw new UndeclaredStepError(name, event.type, step.command, sentence);
  }
  if (process.answers('deadlines', step.name)) return;
  const known = process.deadlines.join(', ') || 'none';
  const sentence = `it ${step.at ? 'sets' : 'clears'} the deadline ${step.name}, for which it has no handler (there is ${known}). Correct the name, or add the handler: deadlines: { ${step.name}: (state, reached) => … }`;
  throw new UndeclaredStepError(name, event.type, step.name, sentence);
}

/** A process requests a command or deadline that its definition does not list, so that nothing would happen. */
export class UndeclaredStepError extends Error {
  readonly code = 'STEP_UNDECLARED';
  readonly process: string;
  /** The type of the event that the process reacts to. */
  readonly event: string;
  /** The name of the command or the deadline. */
  readonly step: string;

  constructor(process: string, event: string, step: string, sentence: string) {
    super(`Process ${process} in its reaction to ${event}: ${sentence}.`);
    this.name = 'UndeclaredStepError';
    this.process = process;
    this.event = event;
    this.step = step;
  }
}

function stepsFor<State>(process: Process<State>, own: State, event: RecordedEvent): Step | readonly Step[] {
  const at = event.recordedAt;
  if (event.streamType === process.name) {
    if (event.type === 'CommandRefused') {
      const { command, input, code, message } = event.data as DataOfEngineEvent<'CommandRefused'>;
      return process.whenRefused(command, own, { input, code, message, at });
    }
    const { name, at: due } = event.data as DataOfEngineEvent<'DeadlineReached'>;
    return process.whenReached(name, own, { process: event.streamId, at, due: new Date(due) });
  }
  return process.on.get(event.type)?.react(own, event) ?? [];
}

/** True if the event begins a process. A process that has not begun ignores all others. */
export function begins(process: Process, event: RecordedEvent): boolean {
  return event.streamType !== process.name && process.on.get(event.type)?.begins === true;
}

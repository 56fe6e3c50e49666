import type { CommandOutcome } from '../define/command-outcome.ts';
import { ForbiddenError, OutcomeUnknownError, ThrottledError, UnauthenticatedError } from '../errors.ts';
import type { CommandEnd, EngineObserver } from '../observe/occurrences.ts';
import { inSpan, traceparentOf } from '../observe/trace.ts';
import type { ExecuteOptions } from './execute-options.ts';

/**
 * Runs a command in its own span, whose trace context is stored with its events, and tells the observer how the command
 * ended. Errors pass through unchanged.
 */
export async function withTelemetry(
  observer: EngineObserver,
  command: { readonly name: string; readonly aggregate: { readonly name: string } },
  options: ExecuteOptions,
  run: (options: ExecuteOptions) => Promise<CommandOutcome>,
): Promise<CommandOutcome> {
  if (!observer.hears('commandAnswered')) return traced(command, options, run);
  const began = performance.now();
  const answered = (kind: CommandEnd, outcome?: CommandOutcome) => {
    const receipt = outcome?.kind === 'accepted' ? outcome.receipt : undefined;
    observer.tell('commandAnswered', {
      command: command.name,
      kind,
      ms: performance.now() - began,
      correlationId: options.correlationId,
      commandId: receipt?.commandId ?? options.commandId ?? undefined,
      aggregateId: receipt?.aggregateId,
      position: receipt?.position,
      code: outcome?.kind === 'rejected' ? outcome.code : undefined,
    });
  };
  try {
    const outcome = await traced(command, options, run);
    answered(endOf(outcome), outcome);
    return outcome;
  } catch (error) {
    answered(endBy(error));
    throw error;
  }
}

function traced(
  command: { readonly name: string; readonly aggregate: { readonly name: string } },
  options: ExecuteOptions,
  run: (options: ExecuteOptions) => Promise<CommandOutcome>,
): Promise<CommandOutcome> {
  const { traceparent, correlationId } = options;
  const attributes = {
    'afterwrite.command': command.name,
    'afterwrite.aggregate': command.aggregate.name,
    ...(correlationId ? { 'afterwrite.correlation_id': correlationId } : {}),
    ...(options.commandId ? { 'afterwrite.command_id': options.commandId } : {}),
  };
  return inSpan(`command ${command.name}`, { traceparent, attributes }, async (span) => {
    if (!span) return run(options);
    let outcome: CommandOutcome;
    try {
      outcome = await run({ ...options, traceparent: traceparentOf(span) ?? traceparent });
    } catch (error) {
      span.setAttribute('afterwrite.outcome', endBy(error));
      throw error;
    }
    span.setAttribute('afterwrite.outcome', endOf(outcome));
    if (outcome.kind === 'accepted') {
      const { commandId, aggregateId, version, position } = outcome.receipt;
      span.setAttributes({
        'afterwrite.command_id': commandId,
        'afterwrite.aggregate_id': aggregateId,
        'afterwrite.version': version,
        'afterwrite.position': position,
      });
    }
    return outcome;
  });
}

function endOf(outcome: CommandOutcome): CommandEnd {
  return outcome.kind === 'accepted' && outcome.receipt.replayed ? 'replayed' : outcome.kind;
}

function endBy(error: unknown): CommandEnd {
  if (error instanceof UnauthenticatedError) return 'unauthenticated';
  if (error instanceof ForbiddenError) return 'forbidden';
  if (error instanceof ThrottledError) return 'throttled';
  return error instanceof OutcomeUnknownError ? 'unknown' : 'failed';
}

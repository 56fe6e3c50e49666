import { setTimeout as delay } from 'node:timers/promises';
import { SYSTEM } from '../../kernel/define/actor.ts';
import type { Command, InputOf } from '../../kernel/define/command.ts';
import type { Engine } from '../../kernel/engine.ts';
import { OutcomeUnknownError, ThrottledError } from '../../kernel/errors.ts';
import { fingerprintOf } from '../../kernel/write/fingerprint.ts';
import type { CommandOutcome } from '../../kernel/write/outcome.ts';
import { RowRejection } from './rows.ts';

export interface IssueOptions {
  /** Left out where the command does no harm twice. */
  readonly commandId?: string;
  readonly occurredAt: Date;
}

/** How often a command whose outcome is not known is sent again. */
const MAX_TRIES = 5;

/** Issues commands on the application's own behalf, as patiently as somebody who is in no hurry. */
export class Issuer {
  readonly #engine: Engine;
  /** Of all that one import issues: in the log its events are found by it. */
  readonly #correlationId: string;
  readonly #signal: AbortSignal;

  constructor(engine: Engine, correlationId: string, signal: AbortSignal) {
    this.#engine = engine;
    this.#correlationId = correlationId;
    this.#signal = signal;
  }

  /** Issues a command; waits where the queue is full. */
  async issue<C extends Command>(command: C, input: InputOf<C>, options: IssueOptions): Promise<CommandOutcome> {
    const correlationId = this.#correlationId;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#engine.bus.execute(command, input, { ...options, actor: SYSTEM, correlationId });
      } catch (error) {
        if (error instanceof ThrottledError) {
          await delay(error.retryAfterMs);
          this.#signal.throwIfAborted();
        } else if (!(error instanceof OutcomeUnknownError) || tries === MAX_TRIES) {
          throw error;
        }
      }
    }
  }

  /** What became of a command that may have been issued before: the same, another under its id, or none. */
  async find<C extends Command>(command: C, input: InputOf<C>, commandId: string): Promise<'same' | 'other' | 'none'> {
    const found = await this.#engine.log.findCommand(
      commandId,
      fingerprintOf(command.name, command.input.parse(input)),
    );
    if (!found) return 'none';
    return found.outcome === 'replayed' ? 'same' : 'other';
  }
}

/** Why a command was not accepted; undefined where it was. */
export function refusalOf(outcome: Exclude<CommandOutcome, { kind: 'accepted' }>): RowRejection;
export function refusalOf(outcome: CommandOutcome): RowRejection | undefined;
export function refusalOf(outcome: CommandOutcome): RowRejection | undefined {
  switch (outcome.kind) {
    case 'accepted':
      return undefined;
    case 'rejected':
      return new RowRejection(outcome.code, outcome.message);
    case 'invalid':
      return new RowRejection(
        'INVALID',
        outcome.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(' '),
      );
    case 'reused':
      return new RowRejection('IMPORTED_OTHERWISE', 'It was imported before with other values.');
    case 'notFound':
      return new RowRejection('NOT_FOUND', `There is no ${outcome.aggregate} ${outcome.aggregateId}.`);
    case 'conflict':
      return new RowRejection('CONFLICT', 'Somebody else changes the same thing all the time.');
  }
}

import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { CommandOutcome, Receipt } from '../../../src/kernel/define/command-outcome.ts';
import type { Append, AppendEvent } from '../../../src/kernel/log/append/append.ts';

/** An event of the test domain as it goes into the log. */
export const incremented = (by: unknown = 1): AppendEvent => ({
  type: 'CounterIncremented',
  schemaVersion: 1,
  data: { by },
});

/** An append of one event to a stream of its own by default. */
export function anAppend(parts: Partial<Append> = {}): Append {
  return {
    streamType: 'Counter',
    streamId: randomUUID(),
    expectedVersion: 0,
    commandId: randomUUID(),
    fingerprint: randomUUID(),
    metadata: { actor: { id: 'test', roles: [] }, correlationId: 'test' },
    events: [incremented()],
    ...parts,
  };
}

/** The receipt of a command that is expected to be accepted. */
export function receiptOf(outcome: CommandOutcome): Receipt {
  if (outcome.kind !== 'accepted') throw new Error(`The command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt;
}

/** Lets everything that is ready happen. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}

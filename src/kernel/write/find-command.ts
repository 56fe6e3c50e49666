import type { z } from 'zod';
import type { Actor } from '../define/access/actor.ts';
import type { CommandOf } from '../define/command.ts';
import type { EventLog } from '../log/event-log.ts';
import { commandIdentity } from './command-identity.ts';

/**
 * Finds out what happened to a command that the application may have issued before, under a derived id: it was accepted
 * as given, the id was taken by another command, or the id is unused.
 */
export async function findCommand<Schema extends z.ZodObject>(
  log: Pick<EventLog, 'findCommand'>,
  command: CommandOf<Schema>,
  input: z.input<Schema>,
  { actor, commandId }: { readonly actor: Actor; readonly commandId: string },
): Promise<'same' | 'other' | 'none'> {
  const identity = commandIdentity(command.name, command.input.parse(input), actor.id, commandId, 'engine');
  const found = await log.findCommand(identity, actor.id);
  if (!found) return 'none';
  return found.outcome === 'replayed' ? 'same' : 'other';
}

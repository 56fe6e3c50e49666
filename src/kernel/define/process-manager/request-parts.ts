import type { Command } from '../command.ts';
import type { DataOf, NewEvent } from '../event.ts';
import { type PersonalPart, type PersonalParts, personalPartsOf } from '../personal/personal-parts.ts';
import { ERASED } from '../personal/subject.ts';
import type { processEvents } from './process-events.ts';

type Requested = DataOf<typeof processEvents.CommandRequested | typeof processEvents.CommandRefused>;

/**
 * Finds the personal parts of requested and refused commands by the input schemas of the commands. Ids and numbers stay as they are,
 * so that a process whose subject was erased can still be brought to its end.
 *
 * @returns undefined for any other event.
 */
export function requestParts(
  commands: Readonly<Record<string, Command>>,
): (event: NewEvent) => readonly PersonalPart[] | undefined {
  const inputs = new Map<string, PersonalParts>();
  const partsOf = (name: string): PersonalParts | undefined => {
    const known = inputs.get(name);
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (known || !command) return known;
    const parts = personalPartsOf(command.input, true);
    inputs.set(name, parts);
    return parts;
  };
  return ({ type, data }) => {
    if (type !== 'CommandRequested' && type !== 'CommandRefused') return undefined;
    const { command, input, ...rest } = data as Requested;
    const parts = partsOf(command);
    const ofInput = parts
      ? parts.find(input).map((part) => ({ ...part, at: `/input${part.at}` }))
      : // Nobody can issue it any more.
        [{ at: '/input', value: input, erased: {}, keepForDays: undefined }];
    if (!('message' in rest)) return ofInput;
    return [...ofInput, { at: '/message', value: rest.message, erased: ERASED, keepForDays: undefined }];
  };
}

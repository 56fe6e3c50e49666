import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { nonPersonal, personal } from '../personal/personal.ts';

/** The input may contain anything. */
const Input = personal(z.record(z.string(), z.json()));
const Name = nonPersonal(z.string());

/** The engine's own events of a process, in the process's stream beside those of its author. */
export const processEvents = {
  CommandRequested: defineEvent('CommandRequested', {
    description: 'The process wants a command to be issued. Its id follows from what set it off: it takes effect once.',
    data: z.object({ commandId: Name, command: Name, input: Input }),
  }),
  CommandRefused: defineEvent('CommandRefused', {
    description: 'A command of the process was not accepted, and never will be.',
    data: z.object({ commandId: Name, command: Name, input: Input, code: Name, message: personal(z.string()) }),
  }),
  DeadlineSet: defineEvent('DeadlineSet', {
    description: 'Unless it is cleared or set anew, the process is told at this time.',
    data: z.object({ name: Name, at: z.iso.datetime() }),
  }),
  DeadlineCleared: defineEvent('DeadlineCleared', {
    description: 'The process need not be told any more.',
    data: z.object({ name: Name }),
  }),
  DeadlineReached: defineEvent('DeadlineReached', {
    description: 'The time has come.',
    data: z.object({ name: Name, at: z.iso.datetime() }),
  }),
};

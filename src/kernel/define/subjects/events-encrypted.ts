import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { nonPersonal } from '../personal/personal.ts';

/**
 * The engine's own event: events that were stored as plain text were encrypted. It certifies their present contents in the chain of the log.
 */
export const EventsEncrypted = defineEvent('EventsEncrypted', {
  description: 'Events that were stored before there was a keyring were encrypted.',
  data: z.object({
    /** Their positions, in order. */
    positions: nonPersonal(z.array(z.int())),
    /** The leaves of their present contents, in the same order, as hexadecimal digits without blanks. */
    leaves: nonPersonal(z.string()),
    /** The subjects whose parts were destroyed instead, because they were erased before. Read models still have what was plain. */
    erased: nonPersonal(z.array(z.string())).optional(),
  }),
});

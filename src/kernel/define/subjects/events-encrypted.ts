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
  }),
});

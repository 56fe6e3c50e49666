import { customType, pgSchema, timestamp } from 'drizzle-orm/pg-core';

/** The schema of the log. Only the kernel's write side and the projector's role read it. */
export const esSchema = pgSchema('es');
/** The schema of everything that queries read. The reader's role sees nothing else. */
export const readSchema = pgSchema('read');

/** Millisecond precision, like JavaScript's Date: an instant passes through the application unchanged. */
export const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: 'date' });

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

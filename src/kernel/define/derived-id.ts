import { v5 } from 'uuid';

/**
 * Version 8 (custom), and the variant that RFC 9562 reserves for the future: no client generates such an id by chance.
 */
const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-f[0-9a-f]{3}-[0-9a-f]{12}$/i;

/**
 * An id derived from what it stands for: the same name and `of` give the same id, in every process and after every
 * restart. The application uses it for its own commands, for example the command with which a process reacts to an
 * event.
 *
 * Clients cannot use such an id for a command or for something new (see {@link isDerivedId}), so nobody who knows the
 * derivation can take an id first.
 *
 * @param name of its purpose, for example the process's name and the step.
 * @param of a UUID of what it belongs to, for example an event's id.
 */
export function derivedId(name: string, of: string): string {
  return asDerivedId(v5(name, of));
}

/** True for an id in the form of {@link derivedId}. The bus refuses it from clients. */
export function isDerivedId(id: string): boolean {
  return FORM.test(id);
}

/** Converts an id to the form of a derived one. An id in this form stays as it is. */
export function asDerivedId(id: string): string {
  return `${id.slice(0, 14)}8${id.slice(15, 19)}f${id.slice(20)}`.toLowerCase();
}

import { v5 } from 'uuid';

/** Version 8 (custom), and the variant that RFC 9562 reserves for the future: no client makes such an id by chance. */
const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-f[0-9a-f]{3}-[0-9a-f]{12}$/i;

/**
 * An id that follows from what it stands for: the same name and `of` give the same id, in every process and after every
 * restart. The application uses it for what it does by itself, for example the command with which a process answers an event.
 *
 * Clients cannot use such an id for a command or for something new (see {@link isDerivedId}), so knowing how it is derived
 * does not let anybody take it first.
 *
 * @param name what it is, for example the process's name and the step.
 * @param of a UUID: what it belongs to, for example an event's id.
 */
export function derivedId(name: string, of: string): string {
  return asDerivedId(v5(name, of));
}

/** True for an id of the form that {@link derivedId} makes. The bus refuses it from clients. */
export function isDerivedId(id: string): boolean {
  return FORM.test(id);
}

/** An id of any form in the form of a derived one. One that has it already stays as it is. */
export function asDerivedId(id: string): string {
  return `${id.slice(0, 14)}8${id.slice(15, 19)}f${id.slice(20)}`.toLowerCase();
}

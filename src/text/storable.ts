/**
 * Text that Postgres can store, of at most `max` UTF-16 units. Halves of surrogate pairs and NUL characters are replaced, because one of
 * them would make Postgres refuse the whole statement.
 */
export function storable(text: string, max: number): string {
  return text.slice(0, max).toWellFormed().replaceAll('\0', '\u{fffd}');
}

/** The beginning of a text: at most `max` UTF-16 units of it, of whole characters only. */
export function cut(text: string, max: number): string {
  const length = (text.codePointAt(max - 1) ?? 0) > 0xffff ? max - 1 : max;
  return text.slice(0, length).toWellFormed();
}

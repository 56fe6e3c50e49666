/** Days that are kept as text, so that most instants need no calendar. */
const MAX_DAYS = 1000;
const DAY_MS = 86_400_000;
/** The first and the last instant of years with four digits. */
const FIRST_MS = Date.UTC(1000, 0);
const LAST_MS = Date.UTC(10_000, 0) - 1;

const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

const textOfDay = new Map<number, string>();
const startOfDay = new Map<string, number>();

/** The same as `toISOString`, which takes many times as long. @throws {RangeError} if it is no instant. */
export function isoText(date: Date): string {
  const ms = date.getTime();
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) return date.toISOString();
  const day = Math.floor(ms / DAY_MS);
  let text = textOfDay.get(day);
  if (text === undefined) {
    text = date.toISOString().slice(0, 11);
    keep(textOfDay, day, text);
  }
  const rest = ms - day * DAY_MS;
  const seconds = Math.floor(rest / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${text}${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes - hours * 60]}:${TWO_DIGITS[seconds - minutes * 60]}.${THREE_DIGITS[rest - seconds * 1000]}Z`;
}

/** An instant as sessions of Postgres write it, in UTC with up to six digits of a second: `2024-02-29 12:00:00.123+00`. */
const STORED = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/;

/**
 * An instant that Postgres has written; digits beyond milliseconds are cut off. `Date` understands this format too, but takes
 * longer, and takes the first 100 years for those of the last century.
 */
export function instantFrom(text: string): Date {
  if (!STORED.test(text)) return new Date(text);
  const day = text.slice(0, 10);
  let start = startOfDay.get(day);
  if (start === undefined) {
    start = Date.parse(`${day}T00:00:00Z`);
    keep(startOfDay, day, start);
  }
  const seconds = twoDigits(text, 11) * 3600 + twoDigits(text, 14) * 60 + twoDigits(text, 17);
  // Without a fraction the digits are those of the offset.
  const ms = text[19] === '.' ? digit(text, 20) * 100 + digit(text, 21) * 10 + digit(text, 22) : 0;
  return new Date(start + seconds * 1000 + ms);
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** A digit of a fraction; 0 behind its end. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at) - ZERO;
  return code >= 0 && code <= 9 ? code : 0;
}

const ZERO = '0'.charCodeAt(0);

function keep<Key, Value>(days: Map<Key, Value>, day: Key, value: Value): void {
  if (days.size >= MAX_DAYS) days.clear();
  days.set(day, value);
}

/** Formats an instant as London's local time, with the parts that matter here. */
const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/London',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
});

/**
 * The instant of an invoice's date, `M/D/YY H:MM` (or `M/D/YYYY H:MM`), in London's local time. For an hour that occurs
 * twice when the clocks go back, it is the first.
 *
 * @returns undefined if it is not a date, or a time that the clocks skipped.
 */
export function parseLondonTime(text: string): Date | undefined {
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{2}|\d{4}) (\d{1,2}):(\d{2})$/.exec(text);
  if (!match) return undefined;
  const [month = 0, day = 0, shortYear = 0, hour = 0, minute = 0] = match.slice(1).map(Number);
  const year = shortYear < 100 ? 2000 + shortYear : shortYear;
  const asUtc = Date.UTC(year, month - 1, day, hour, minute);
  const wanted = new Date(asUtc);
  const isDate = wanted.getUTCMonth() === month - 1 && wanted.getUTCDate() === day && hour < 24 && minute < 60;
  if (!isDate) return undefined;
  // The offsets of the day before and the day after: one of them is right. The larger one gives the earlier instant.
  const offsets = [offsetAt(asUtc - DAY_MS), offsetAt(asUtc + DAY_MS)].sort((a, b) => b - a);
  const offset = offsets.find((candidate) => offsetAt(asUtc - candidate) === candidate);
  return offset === undefined ? undefined : new Date(asUtc - offset);
}

const DAY_MS = 86_400_000;

/** How far London's clocks are ahead of UTC at an instant, in ms. */
function offsetAt(instant: number): number {
  const parts = new Map(clock.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute')) - instant;
}

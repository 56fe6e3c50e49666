/**
 * This machine's own time, in ms since 1970. It decides nothing but whether an access token is valid: see "Clocks" in
 * docs/architecture.md. An instant that decides comes from Postgres (`DatabaseClock`), a duration from `performance.now()`.
 */
export function wallTime(): number {
  return Date.now();
}

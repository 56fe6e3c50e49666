/**
 * This machine's time, in ms since 1970. It only decides if an access token is valid: see "Clocks" in
 * docs/architecture.md. Every other instant that decides something comes from Postgres (`DatabaseClock`), and every
 * duration from `performance.now()`.
 */
export function wallTime(): number {
  return Date.now();
}

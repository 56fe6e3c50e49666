/**
 * This machine's own time, in ms since 1970. It only decides whether an access token is valid: see "Clocks" in
 * docs/architecture.md. Instants that decide something else come from Postgres (`DatabaseClock`), durations from
 * `performance.now()`.
 */
export function wallTime(): number {
  return Date.now();
}

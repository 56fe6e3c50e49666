import type { Evidence } from './evidence.ts';
import { nameOf } from './log.ts';
import type { Violation } from './violation.ts';

/** Positions are dense; every stream's versions are 1..n, also by the table of streams. */
export function* checkOrder({ events, streams }: Evidence): Generator<Violation> {
  for (const [index, { position }] of events.entries()) {
    if (position !== index + 1) {
      yield { kind: 'positions are not dense', facts: { expected: index + 1, found: position } };
      break;
    }
  }
  const versions = new Map(streams.map(({ stream, version }) => [nameOf(stream), version]));
  const byStream = Map.groupBy(events, ({ stream }) => nameOf(stream));
  for (const stream of new Set([...versions.keys(), ...byStream.keys()])) {
    const found = (byStream.get(stream) ?? []).map(({ version }) => version);
    const table = versions.get(stream) ?? 0;
    if (found.length !== table || found.some((version, index) => version !== index + 1)) {
      yield { kind: 'versions are not 1..n', facts: { stream, versions: found, table } };
    }
  }
}

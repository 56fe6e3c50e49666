import { isDeepStrictEqual } from 'node:util';
import type { Evidence } from './evidence.ts';
import type { Violation } from './violation.ts';

/** Every live table equals a fold from scratch, has reached the end of the log, and has parked nothing. */
export function* checkTables({ tables, events }: Evidence): Generator<Violation> {
  const head = events.at(-1)?.position ?? 0;
  for (const { projection, live, folded, checkpoint, parked } of tables) {
    if (checkpoint?.position !== head || checkpoint.failure !== null || parked > 0) {
      yield { kind: 'not caught up', facts: { projection, head, checkpoint, parked } };
    }
    for (const key of new Set([...live.keys(), ...folded.keys()])) {
      const [is, shouldBe] = [live.get(key), folded.get(key)];
      if (!isDeepStrictEqual(is, shouldBe)) yield { kind: 'table differs', facts: { projection, key, is, shouldBe } };
    }
  }
}

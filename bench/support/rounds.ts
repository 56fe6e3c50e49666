import type { Measurement } from './result.ts';

/** One of those who do the same work side by side. */
export interface Contender {
  readonly name: string;
  readonly unit: Measurement['unit'];
  /** Does the work once; resolves to the rate. */
  run(round: number): Promise<number>;
}

/**
 * Lets each do its work in turn, round after round, each round beginning with another: what else the machine does in the
 * meantime meets all of them alike. A round before the first warms up and is not counted.
 */
export async function inTurn(
  contenders: readonly Contender[],
  rounds: number,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const found = contenders.map(({ name, unit }) => ({ name, unit, rounds: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (let nth = 0; nth < contenders.length; nth++) {
      const which = (nth + round) % contenders.length;
      const value = await (contenders[which] as Contender).run(round);
      const label = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
      say(
        `  ${label}: ${contenders[which]?.name}: ${Math.round(value).toLocaleString('en')} ${contenders[which]?.unit}`,
      );
      if (round > 0) found[which]?.rounds.push(value);
    }
  }
  return found;
}

/** Keeps `callers` at work, each beginning anew as soon as it is done. Resolves to how often a second it was done. */
export async function callsPerSecond(callers: number, ms: number, call: () => Promise<unknown>): Promise<number> {
  let done = 0;
  const began = performance.now();
  const end = began + ms;
  const caller = async () => {
    while (performance.now() < end) {
      await call();
      done++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return done / ((performance.now() - began) / 1000);
}

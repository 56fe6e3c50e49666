import { isOurs, type Measurement, nameOf } from './result.ts';
import { type Contender, shown } from './rounds.ts';
import { median } from './statistics.ts';

/**
 * Lets each contender do its work once, pass after pass, each two passes beginning with another one, and takes the
 * medians of each round's passes. For short work: the speed of the disk changes from one moment to the next, and
 * affects all of them alike only if they take turns quickly. The first round warms up and is not counted. A pass in which a
 * peer breaks is lost; Afterwrite's failure ends the run.
 *
 * @returns for each contender, in their order, the measurements.
 */
export async function inPasses<const C extends readonly Contender[]>(
  contenders: C,
  { rounds, passes }: { readonly rounds: number; readonly passes: number },
  say: (line: string) => void,
): Promise<{ -readonly [K in keyof C]: Measurement }> {
  const found = contenders.map(() => [] as number[]);
  const broken = new Map<number, string>();
  for (let round = 0; round <= rounds; round++) {
    const values = contenders.map(() => [] as number[]);
    for (let pass = 0; pass < passes; pass++) {
      for (let nth = 0; nth < contenders.length; nth++) {
        // Every other pass runs backwards. A contender that runs after a similar one finds warm caches, and each has that
        // advantage equally often.
        const place = pass % 2 === 0 ? nth : contenders.length - 1 - nth;
        const which = (place + Math.floor(pass / 2)) % contenders.length;
        const contender = contenders[which] as Contender;
        try {
          values[which]?.push(await contender.run(round));
        } catch (error) {
          if (isOurs(contender.who)) throw error;
          broken.set(which, error instanceof Error ? error.message : String(error));
        }
      }
    }
    const label = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
    for (const [which, contender] of contenders.entries()) {
      const middle = median(values[which] ?? []);
      say(`  ${label}: ${nameOf(contender)}: ${shown(middle)} ${contender.unit}`);
      if (round > 0) found[which]?.push(middle);
    }
  }
  const measured = contenders.map(({ chart, at, who, unit }, which) => ({
    ...{ chart, at, who, unit },
    rounds: found[which],
    ...(broken.has(which) ? { broken: broken.get(which) } : {}),
  }));
  return measured as unknown as { -readonly [K in keyof C]: Measurement };
}

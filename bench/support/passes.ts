import { type Measurement, nameOf } from './result.ts';
import { type Contender, shown } from './rounds.ts';
import { median } from './statistics.ts';

/**
 * Lets each do its work once, pass after pass, each two passes beginning with another, and takes the medians of each round's
 * passes. For work that takes moments: what the disk does changes from one moment to the next, and meets all of them alike
 * only where they take turns as quickly. A round before the first warms up and is not counted.
 *
 * @returns for each contender, in their order, what was measured.
 */
export async function inPasses<const C extends readonly Contender[]>(
  contenders: C,
  { rounds, passes }: { readonly rounds: number; readonly passes: number },
  say: (line: string) => void,
): Promise<{ -readonly [K in keyof C]: Measurement }> {
  const found = contenders.map(() => [] as number[]);
  for (let round = 0; round <= rounds; round++) {
    const values = contenders.map(() => [] as number[]);
    for (let pass = 0; pass < passes; pass++) {
      for (let nth = 0; nth < contenders.length; nth++) {
        // Backwards every other time: whoever comes after its like finds everything warm, and each is to be that as often.
        const place = pass % 2 === 0 ? nth : contenders.length - 1 - nth;
        const which = (place + Math.floor(pass / 2)) % contenders.length;
        values[which]?.push(await (contenders[which] as Contender).run(round));
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
    chart,
    at,
    who,
    unit,
    rounds: found[which],
  }));
  return measured as unknown as { -readonly [K in keyof C]: Measurement };
}

import { isOurs, type Measurement, nameOf } from './result.ts';

/** One of those who do the same work side by side. */
export interface Contender extends Omit<Measurement, 'rounds'> {
  /**
   * Does the work once; resolves to what was measured.
   * @throws if the work was not done. If the contender is a peer, its round is lost; Afterwrite's failure ends the run.
   */
  run(round: number): Promise<number>;
}

/**
 * Lets each do its work in turn, round after round, each round beginning with another: what else the machine does in the
 * meantime meets all of them alike. A round before the first warms up and is not counted. If a peer breaks, it is named,
 * and has its turn again in the next round.
 *
 * @returns for each contender, in their order, what was measured.
 */
export async function inTurn<const C extends readonly Contender[]>(
  contenders: C,
  rounds: number,
  say: (line: string) => void,
): Promise<{ -readonly [K in keyof C]: Measurement }> {
  const found = contenders.map(() => [] as number[]);
  const broken = new Map<number, string>();
  for (let round = 0; round <= rounds; round++) {
    for (let nth = 0; nth < contenders.length; nth++) {
      const which = (nth + round) % contenders.length;
      const contender = contenders[which] as Contender;
      const label = `  ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${nameOf(contender)}`;
      let value = Number.NaN;
      try {
        value = await contender.run(round);
        say(`${label}: ${shown(value)} ${contender.unit}`);
      } catch (error) {
        if (isOurs(contender.who)) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        say(`${label} broke: ${reason}`);
        if (round > 0) broken.set(which, reason);
      }
      if (round > 0) found[which]?.push(value);
    }
  }
  const measured = contenders.map(({ chart, at, who, unit }, index) => ({
    ...{ chart, at, who, unit },
    rounds: found[index],
    ...(broken.has(index) ? { broken: broken.get(index) } : {}),
  }));
  return measured as unknown as { -readonly [K in keyof C]: Measurement };
}

/** Keeps `callers` busy, each beginning again as soon as it is done. Resolves to the number of calls per second. */
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

/**
 * The same, but resolves to the CPU time of a server for each call, in µs.
 *
 * @param cpu the CPU time that the server has used so far, in µs.
 */
export async function cpuPerCall(
  callers: number,
  ms: number,
  call: () => Promise<unknown>,
  cpu: () => Promise<number>,
): Promise<number> {
  let calls = 0;
  const before = await cpu();
  await callsPerSecond(callers, ms, async () => {
    await call();
    calls++;
  });
  return ((await cpu()) - before) / calls;
}

/** Does something once, of `count` parts; resolves to how many of them a second it did. */
export async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return count / ((performance.now() - began) / 1000);
}

/** Begins `perSecond` calls a second at a steady pace, whether or not those before are done. */
export async function steadily<T>(perSecond: number, seconds: number, call: () => Promise<T>): Promise<T[]> {
  const calls: Promise<T>[] = [];
  const began = performance.now();
  for (let nth = 0; nth < perSecond * seconds; nth++) {
    const early = began + (nth * 1000) / perSecond - performance.now();
    if (early >= 1) await new Promise((resolve) => setTimeout(resolve, early));
    calls.push(call());
  }
  return Promise.all(calls);
}

/** A figure as progress tells it. */
export function shown(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

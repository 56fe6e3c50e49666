import type { Benchmark } from './support/measuring/benchmark.ts';
import { below, type Measurement, type Ratio } from './support/measuring/result.ts';
import { steadily } from './support/measuring/rounds.ts';
import { median, percentile } from './support/measuring/statistics.ts';
import { openApi } from './support/running/api.ts';
import { type OrderDesk, openOrderDesk } from './support/workloads/order-desk.ts';

const RATES = [50, 500, 2000];
const PROMISED_AT = 500;
const PERCENTILES = [50, 95, 99];
const DOMAINS = ['customers', 'products', 'orders'];

/** What is measured, and by which function. */
const WAYS: readonly (readonly [keyof OrderDesk, string])[] = [
  ['caughtUp', 'Receipt to caughtUp'],
  ['orderUpdated', 'Receipt to orderUpdated'],
  ['polled', 'Receipt to a read, polling every 100 ms'],
  ['writeAndRead', 'Write and read in one request'],
  ['write', 'Write alone'],
];

/** How soon after its receipt a client sees what it wrote. */
export const benchmark: Benchmark = {
  name: 'catch-up',
  run: async ({ postgres, rounds, seconds, say }) => {
    const found = new Map<string, number[][]>();
    for (const rate of RATES) {
      // A database for each: what one rate has left to do is not the next one's.
      const api = await openApi(await postgres.createDatabase(`catch_up_${rate}`), {
        domains: DOMAINS,
        // One socket stands for many clients.
        settings: { SUBSCRIPTIONS_PER_CONNECTION: '100000' },
      });
      try {
        const desk = await openOrderDesk(api, DOMAINS.length);
        for (let round = 0; round <= rounds; round++) {
          for (let nth = 0; nth < WAYS.length; nth++) {
            const [way, name] = WAYS[(nth + round) % WAYS.length] as (typeof WAYS)[number];
            const times = await steadily(rate, seconds, desk[way]);
            const label = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
            const shown = PERCENTILES.map((p) => `p${p} ${percentile(times, p).toFixed(1)}`).join(', ');
            say(`  ${label}: ${rate} commands/s: ${name}: ${shown} ms`);
            const key = `${way} ${rate}`;
            if (round > 0) found.set(key, [...(found.get(key) ?? []), times]);
          }
        }
      } finally {
        await api.close();
      }
    }
    const rounded = (way: keyof OrderDesk, rate: number, p: number) =>
      (found.get(`${way} ${rate}`) ?? []).map((times) => percentile(times, p));
    const measurements = WAYS.flatMap(([way, chart]) =>
      RATES.flatMap((rate) =>
        PERCENTILES.map(
          (p): Measurement => ({
            chart,
            at: `${rate.toLocaleString('en')} commands/s`,
            who: `p${p}`,
            unit: 'ms',
            rounds: rounded(way, rate, p),
          }),
        ),
      ),
    );
    // Both are noticed as soon as the server knows. Polling would notice them up to 100 ms later.
    const ratios = RATES.flatMap((rate) =>
      (['caughtUp', 'orderUpdated'] as const).map((way): Ratio => {
        const polled = rounded('polled', rate, 95);
        const told = rounded(way, rate, 95);
        return {
          of: `${rate.toLocaleString('en')} commands/s: polling, p95`,
          to: `${way}, p95`,
          rounds: polled.map((value, round) => value / (told[round] ?? Number.NaN)),
        };
      }),
    );
    const promised = (p: number) => median(rounded('caughtUp', PROMISED_AT, p));
    return {
      benchmark: 'catch-up',
      setting:
        `Catching up: orders over HTTP with keep-alive connections at a steady pace, whatever the answers take, for ${seconds} s a ` +
        `turn, ${rounds} rounds. The server, with the domains ${DOMAINS.join(', ')}, has a process of its own. caughtUp: a ` +
        'subscription for all read models, opened with each receipt on one WebSocket. orderUpdated: of 200 orders that were ' +
        'watched before they change. Polling: a read at once and then one every 100 ms.',
      measurements,
      ratios,
      goals: [
        below(4, `ms from receipt to caughtUp, p50, at ${PROMISED_AT} commands/s`, promised(50)),
        below(20, `ms from receipt to caughtUp, p99, at ${PROMISED_AT} commands/s`, promised(99)),
      ],
    };
  },
};

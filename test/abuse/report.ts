import type { Result } from './campaign.ts';
import type { Deed, Sample } from './innocent.ts';

/** Below this nobody notices, and a busy machine says more than the server, in ms. */
const UNNOTICED_MS = 50;

/** How innocent clients fared under an attack. */
export interface Verdict {
  /** 99 % of requests were answered within this, in ms: without the attack, and with it. */
  readonly calmP99: number;
  readonly attackedP99: number;
  readonly ratio: number;
  /** Why the server did not hold; empty if it did. */
  readonly reasons: readonly string[];
}

/** @param maxRatio how much slower the slowest percent of innocent requests may become. */
export function verdictOf(result: Result, maxRatio: number): Verdict {
  const [calmP99, attackedP99] = [p99(result.calm), p99(result.attacked)];
  const ratio = attackedP99 / calmP99;
  const reasons = [...result.failures];
  if (ratio > maxRatio && attackedP99 > UNNOTICED_MS) {
    reasons.push(`Innocent clients waited ${ratio.toFixed(1)} times as long, more than ${maxRatio} times.`);
  }
  return { calmP99, attackedP99, ratio, reasons };
}

/** A table in Markdown. */
export function describe(results: readonly (readonly [Result, Verdict])[]): string {
  const head = [
    '| attack | p99 without | p99 with | ratio | order confirmed, slowest | loop kept | memory | answers |',
    '|---|---|---|---|---|---|---|---|',
  ];
  const rows = results.map(([result, { calmP99, attackedP99, ratio, reasons }]) => {
    const slowest = Math.max(0, ...result.attacked.filter(({ deed }) => deed === 'order').map(({ ms }) => ms));
    const cells = [
      `${result.attack.name}: ${result.attack.description}${reasons.length > 0 ? ' **(did not hold)**' : ''}`,
      `${calmP99.toFixed(0)} ms`,
      `${attackedP99.toFixed(0)} ms`,
      `${ratio.toFixed(1)} ×`,
      `${slowest.toFixed(0)} ms`,
      `${result.longestBlockMs} ms`,
      `${Math.round(result.peakBytes / 1024 / 1024)} MB`,
      answers(result.tally),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [...head, ...rows].join('\n');
}

/** How long each kind of request took for the slowest percent, without the attack and with it, and what was left to do afterwards. */
export function describeDeeds({ calm, attacked, drainMs }: Result): string {
  const deeds: readonly Deed[] = ['write', 'read', 'page', 'order'];
  const times = deeds.map((deed) => {
    const [before, during] = [calm, attacked].map((samples) =>
      percentile(samples.filter((each) => each.deed === deed)),
    );
    return `${deed} ${before?.toFixed(0)} → ${during?.toFixed(0)} ms`;
  });
  return `${times.join(', ')}; drained after ${Math.round(drainMs)} ms`;
}

function answers(tally: Readonly<Record<string, number>>): string {
  const all = Object.entries(tally).sort(([, a], [, b]) => b - a);
  return all
    .slice(0, 4)
    .map(([code, times]) => `${times.toLocaleString('en')} ${code}`)
    .join(', ');
}

function p99(samples: readonly Sample[]): number {
  return percentile(samples.filter(({ deed }) => deed !== 'order'));
}

function percentile(samples: readonly Sample[]): number {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.POSITIVE_INFINITY;
}

import { formatCount } from '../../cli/index.ts';
import type { FulfilmentStep } from '../../domains/fulfilment/read-models.ts';
import type { Money } from '../../domains/shared/money.ts';

export interface ProjectionPosition {
  readonly name: string;
  readonly state: string;
  readonly position: number;
  readonly lag: number;
}
export interface Statistics {
  readonly status: string;
  readonly count: number;
  readonly revenue: Money;
}

/** Money as people write it. */
export function formatMoney({ amount, currency }: Money): string {
  return (amount / 100).toLocaleString('en-GB', { style: 'currency', currency });
}

/** Read models with their positions, and their problems if they have any. */
export function formatProjections(projections: readonly ProjectionPosition[]): string {
  return projections
    .map(({ name, state, position, lag }) => {
      const trouble = state === 'RUNNING' ? '' : ` ${state}`;
      return `${name} at ${formatCount(position)}${lag > 0 ? `, ${formatCount(lag)} behind` : ''}${trouble}`;
    })
    .join(' · ');
}

/** Orders and revenue by status. */
export function formatStatistics(statistics: readonly Statistics[]): string {
  return statistics
    .map(({ status, count, revenue }) => `${formatCount(count)} ${status}, ${formatMoney(revenue)}`)
    .join(' · ');
}

/** The steps, each with the time that it took. */
export function formatSteps(steps: readonly FulfilmentStep[]): string {
  return steps
    .map(({ name, at }, nth) => {
      const before = steps[nth - 1];
      return before ? `${name} +${formatCount(Date.parse(at) - Date.parse(before.at))} ms` : name;
    })
    .join(' · ');
}

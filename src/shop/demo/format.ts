import { formatCount } from '../../cli/index.ts';
export interface Money {
  readonly amount: number;
  readonly currency: string;
}
export interface Projection {
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

export interface Step {
  readonly name: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Money as people write it. */
export function formatMoney({ amount, currency }: Money): string {
  return (amount / 100).toLocaleString('en-GB', { style: 'currency', currency });
}

/** Read models with their positions, and their problems if they have any. */
export function formatProjections(projections: readonly Projection[]): string {
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

/** Steps with the time that each took. */
export function formatSteps(steps: readonly Step[]): string {
  return steps
    .map(({ name, at }, nth) => {
      const before = steps[nth - 1];
      return before ? `${name} +${formatCount(Date.parse(at) - Date.parse(before.at))} ms` : name;
    })
    .join(' · ');
}

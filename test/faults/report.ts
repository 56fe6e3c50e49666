import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VIOLATIONS, type Violation, type ViolationKind } from './checker/violation.ts';
import type { History, Timed } from './history.ts';
import type { FaultKind } from './schedule/faults.ts';
import type { Injected } from './schedule/schedule.ts';

/** A run, when it is over. */
export interface Run {
  readonly seed: number;
  readonly seconds: number;
  /** The kinds of faults that could come. */
  readonly kinds: readonly FaultKind[];
  /** From when to when faults came, in ms. */
  readonly span: { readonly from: number; readonly to: number };
  readonly injected: readonly Injected[];
  readonly histories: readonly History[];
  readonly events: number;
  readonly violations: readonly Violation[];
}

/** Violations that are shown with all their facts. */
const SHOWN = 5;

/** The report in numbers. */
export function describe(run: Run): string {
  const { injected, violations } = run;
  const records = run.histories.flatMap((history) => history.records);
  const is = <Is extends Timed['is']>(kind: Is) =>
    records.filter((record): record is Extract<Timed, { is: Is }> => record.is === kind);
  const [sent, acknowledged, refused, reads] = [is('sent'), is('acknowledged'), is('refused'), is('read')];
  const commands = new Set(sent.map(({ commandId }) => commandId));
  const settled = new Set([...acknowledged, ...refused.filter(isSettled)].map(({ commandId }) => commandId));
  const subscribed = is('subscribed');
  const subscriptions = new Set(subscribed.map(({ subscription }) => subscription));
  const withTokens = reads.filter(({ after }) => after.length > 0);
  const kindsOf = (list: readonly { readonly kind: string }[], kind: string) =>
    list.filter((one) => one.kind === kind).length;
  const found = (Object.keys(VIOLATIONS) as ViolationKind[]).filter((kind) => kindsOf(violations, kind) > 0);
  return table([
    ['faults injected', injected.length],
    ...run.kinds.map((kind) => [`  ${kind}`, kindsOf(injected, kind) || 'not played'] as const),
    ['events in the log', run.events],
    ['commands', commands.size],
    ['  sent (again and twice)', sent.length],
    ['  acknowledged', new Set(acknowledged.map(({ commandId }) => commandId)).size],
    ['  receipts, of these replayed', `${acknowledged.length}, ${acknowledged.filter((one) => one.replayed).length}`],
    ['  refused by a rule', refused.filter(isSettled).length],
    ['  throttled', refused.filter((one) => !isSettled(one)).length],
    ['  without an answer', is('unknown').length],
    ['  never settled', commands.size - settled.size],
    ['reads', reads.length],
    ['  with tokens', withTokens.length],
    ['  marked stale', reads.filter(({ stale }) => stale).length],
    ['  without an answer', is('unread').length],
    ['subscriptions', subscriptions.size],
    ['  messages', is('shown').length + is('moved').length],
    ['  reconnects', subscribed.length - subscriptions.size],
    ['longest time without a new receipt', `${longestGap(acknowledged, run)} ms`],
    ['longest time without a read', `${longestGap(reads, run)} ms`],
    ['violations', violations.length],
    ...found.map((kind) => [`  ${kind}`, kindsOf(violations, kind)] as const),
  ]);
}

/** The first violations with all that is known about them. */
export function describeViolations(violations: readonly Violation[]): string {
  const shown = violations
    .slice(0, SHOWN)
    .map(({ kind, facts }) => `${kind}: ${VIOLATIONS[kind]}\n${toJson(facts, 2)}`);
  const more = violations.length - shown.length;
  return [...shown, ...(more > 0 ? [`… and ${more} more.`] : [])].join('\n\n');
}

/** Leaves all that was told and found in a folder: a file for each client, and one for the rest. */
export async function save(run: Run, folder: string): Promise<void> {
  await mkdir(join(folder, 'histories'), { recursive: true });
  for (const { client, records } of run.histories) {
    await writeFile(join(folder, 'histories', `${client}.json`), lines(records));
  }
  const { seed, seconds, span, injected, violations } = run;
  await writeFile(join(folder, 'violations.json'), lines(violations));
  await writeFile(join(folder, 'run.json'), `${toJson({ seed, seconds, span, injected }, 2)}\n`);
}

/** It settles the command for its sender: a rule refused it. A full queue asks the sender to try again. */
function isSettled({ type }: { readonly type: string }): boolean {
  return type !== 'THROTTLED';
}

/** The longest time between two of these during faults, for any client. */
function longestGap(records: readonly { readonly at: number }[], { span }: Run): number {
  const times = records.map(({ at }) => at).filter((at) => at > span.from && at < span.to);
  const sorted = [span.from, ...times.sort((a, b) => a - b), span.to];
  return Math.round(Math.max(...sorted.map((at, index) => at - (sorted[index - 1] ?? at))));
}

function table(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  const texts = rows.map(([name, value]) => [name, typeof value === 'number' ? value.toLocaleString('en') : value]);
  const right = Math.max(...texts.map(([, value = '']) => value.length));
  return texts.map(([name = '', value = '']) => `  ${name.padEnd(width)}  ${value.padStart(right)}`).join('\n');
}

/** A list as JSON, an entry a line. */
function lines(list: readonly unknown[]): string {
  return `[\n${list.map((one) => toJson(one)).join(',\n')}\n]\n`;
}

function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, inner) => (inner instanceof Map ? Object.fromEntries(inner) : inner), indent);
}

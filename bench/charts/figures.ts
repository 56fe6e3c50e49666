import { number, type StoredResult } from '../support/measuring/report.ts';
import { type Chart, chartsOf } from './chart.ts';
import { targetsOf } from './targets.ts';

/**
 * Puts the targets and the figures of all benchmarks between their marks in a document.
 * @throws if the document has no such marks.
 */
export function withFigures(document: string, results: readonly StoredResult[]): string {
  const figures = results.map((result) => figuresOf(result, chartsOf(result)));
  return between('figures', between('targets', document, targetsOf(results)), figures.join('\n\n'));
}

function between(name: string, document: string, text: string): string {
  const [first, last] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = document.indexOf(first);
  const end = document.indexOf(last);
  if (begin < 0 || end < begin)
    throw new Error(`docs/benchmarks.md needs the lines ${first} and ${last}, in this order.`);
  return `${document.slice(0, begin)}${first}\n\n${text}\n\n${document.slice(end)}`;
}

function figuresOf(result: StoredResult, charts: readonly Chart[]): string {
  return [
    `### ${result.benchmark}`,
    result.setting,
    `    ${result.command}`,
    ...(result.goals.length > 0 ? [goalsOf(result)] : []),
    ...charts.map(({ title, file }) => `![${title}](benchmarks/${file})`),
    ...(result.broken ?? []).map((sentence) => `⚠️ ${sentence}`),
    folded('The figures', [measurementsOf(result), ...(result.ratios.length > 0 ? [ratiosOf(result)] : [])]),
    machineOf(result),
  ].join('\n\n');
}

function goalsOf({ goals }: StoredResult): string {
  const lines = goals.map(
    ({ text, value, met }) => `| ${met ? '✅ met' : '❌ not met'} | ${cell(text)} | ${number(value)} |`,
  );
  return ['| promised | | measured |', '|---|---|--:|', ...lines].join('\n');
}

function measurementsOf({ measurements }: StoredResult): string {
  return table(
    ['', 'who', 'median', 'lowest', 'highest', 'unit'],
    measurements.map(({ chart, at, who, unit, ...kept }) => [
      at ? `${chart}, ${at}` : chart,
      who,
      ...spread(kept),
      unit,
    ]),
  );
}

function ratiosOf({ ratios }: StoredResult): string {
  return table(
    ['ratio, round by round', 'to', 'median', 'lowest', 'highest', 'unit'],
    ratios.map(({ of, to, ...kept }) => [of, to, ...spread(kept), 'times']),
  );
}

function spread({ median, lowest, highest }: { median: number; lowest: number; highest: number }): string[] {
  return [median, lowest, highest].map(number);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), '|---|---|--:|--:|--:|---|', ...rows.map(line)].join('\n');
}

function folded(summary: string, parts: readonly string[]): string {
  return [`<details><summary>${summary}</summary>`, ...parts, '</details>'].join('\n\n');
}

function machineOf({ machine }: StoredResult): string {
  const peers = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured on ${machine.date.slice(0, 10)} at commit ${machine.commit}: ${machine.cpu}, ${machine.cores} cores,`,
    `${machine.memoryGb} GB of memory, load ${machine.load} when it began; Node ${machine.node}, Postgres ${machine.postgres}` +
      `${peers.length > 0 ? `; ${peers.join(', ')}` : ''}.`,
  ].join(' ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

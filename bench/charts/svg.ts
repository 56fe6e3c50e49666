import { Error as ERRORS, logger, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { isOurs } from '../support/measuring/result.ts';
import { type Chart, isRate } from './chart.ts';

/** As wide as a page of GitHub shows a picture without shrinking it. */
const WIDTH = 820;
/** Values that lie further apart than this many times are shown on a logarithmic scale. */
const SPAN = 30;
/**
 * Colours that people with any colour vision can distinguish (Okabe and Ito). Afterwrite is blue, in different shades.
 */
const OURS = ['#0072b2', '#56b4e9', '#a5d8f6', '#003f63'];
const OTHERS = ['#e69f00', '#009e73', '#cc79a7', '#d55e00', '#8c8c8c', '#f0e442'];
const INK = '#24292f';
const FAINT = '#57606a';

/** Draws a chart: a bar for each figure, with whiskers from the lowest round to the highest. Always the same for the same figures. */
export async function draw(chart: Chart): Promise<string> {
  const { spec } = compile(specOf(chart), { logger: logger(ERRORS) });
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG();
  // GitHub shows pictures on white and on black: so it brings a ground of its own.
  const grounded = svg.replace(/(<rect [^>]*)fill="white"/, '$1rx="8" fill="white"');
  return `${grounded.replace('<svg ', `<svg role="img" aria-label="${escaped(chart.title)}" `)}\n`;
}

function specOf(chart: Chart): TopLevelSpec {
  const scale = scaleOf(chart);
  const several = chart.places.length > 1;
  const value = { type: 'quantitative', axis: axisOf(scale), title: captionOf(scale) } as const;
  const rows = several ? chart.places : chart.contenders;
  const row = {
    field: several ? 'at' : 'who',
    type: 'nominal',
    sort: [...rows],
    title: null,
    axis: labelsOf(rows),
  } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: { left: 20, right: 20, top: 18, bottom: 14 },
    width: WIDTH,
    height: { step: several ? 19 : 30, for: several ? 'offset' : 'position' },
    autosize: { type: 'fit-x', contains: 'padding' },
    title: { text: chart.title, subtitle: subtitleOf(chart) },
    data: {
      values: chart.bars.map(({ at, who, median, lowest, highest }) => {
        return { at, who, median, lowest, highest, from: scale.domain[0], label: labelOf(median) };
      }),
    },
    encoding: {
      y: { ...row, scale: { paddingInner: 0.28, paddingOuter: 0.14 } },
      ...(several && { yOffset: { field: 'who', sort: [...chart.contenders], scale: { paddingInner: 0.14 } } }),
    },
    layer: [
      {
        mark: { type: 'bar', cornerRadiusEnd: 2 },
        encoding: {
          x: {
            ...value,
            field: 'median',
            scale: { type: scale.log ? 'log' : 'linear', domain: scale.domain, nice: false },
          },
          x2: { field: 'from' },
          color: {
            field: 'who',
            type: 'nominal',
            scale: {
              domain: [...chart.contenders],
              range: several ? coloursOf(chart.contenders) : coloursOfParties(chart.contenders),
            },
            legend: several && chart.contenders.length > 1 ? { columns: columnsOf(chart.contenders) } : null,
          },
        },
      },
      { mark: { type: 'rule', color: INK }, encoding: { x: { ...value, field: 'lowest' }, x2: { field: 'highest' } } },
      ...(['lowest', 'highest'] as const).map((end) => ({
        mark: { type: 'tick' as const, color: INK, thickness: 1, size: 7 },
        encoding: { x: { ...value, field: end } },
      })),
      {
        mark: { type: 'text', align: 'left', dx: 6, color: INK },
        encoding: { x: { ...value, field: 'highest' }, text: { field: 'label' } },
      },
    ],
    config: {
      aria: false,
      font: 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
      text: { fontSize: 11 },
      title: {
        ...{ anchor: 'start', frame: 'bounds', fontSize: 16, fontWeight: 600, color: INK, offset: 14 },
        ...{ subtitleColor: FAINT, subtitleFontSize: 11.5, subtitlePadding: 6 },
      },
      axis: { labelColor: INK, labelFontSize: 12, domain: false, ticks: false, labelPadding: 8, labelLimit: 0 },
      axisQuantitative: {
        ...{ gridColor: '#e7eaee', labelColor: FAINT, labelFontSize: 11, labelPadding: 6 },
        ...{ titleAnchor: 'end', titleColor: FAINT, titleFontSize: 10.5, titleFontWeight: 'normal', titlePadding: 10 },
      },
      legend: {
        ...{ orient: 'top', title: null, labelFontSize: 12, labelColor: INK, labelLimit: 0, offset: 8 },
        ...{ symbolType: 'square', symbolStrokeWidth: 0, symbolSize: 110, columnPadding: 18 },
      },
      view: { stroke: null },
    },
  };
}

interface Scale {
  readonly log: boolean;
  readonly domain: [number, number];
}

/** With room behind the longest bar for its label. */
function scaleOf({ bars, unit }: Chart): Scale {
  const low = Math.min(...bars.map(({ lowest }) => lowest));
  const high = Math.max(...bars.map(({ highest }) => highest));
  const medians = bars.map(({ median }) => median);
  // A logarithmic scale has no zero, and hides how much of a whole a part is.
  if (low <= 0 || unit === 'bytes' || Math.max(...medians) / Math.min(...medians) <= SPAN) {
    return { log: false, domain: [Math.min(0, low), high > 0 ? high * 1.12 : 1] };
  }
  // Below the shortest bar by enough that it is still a bar.
  const from = 10 ** Math.floor(Math.log10(low / 1.5));
  return { log: true, domain: [from, high * (high / from) ** 0.12] };
}

function axisOf({ log, domain: [from, to] }: Scale) {
  if (!log) return { format: ',.12~g', tickCount: 6 };
  const powers = Math.floor(Math.log10(to)) - Math.round(Math.log10(from));
  return { format: ',.12~g', values: Array.from({ length: powers + 1 }, (_, power) => from * 10 ** power) };
}

function captionOf({ log }: Scale): string {
  const whiskers = 'median of the rounds, whiskers from the lowest to the highest';
  return log ? `logarithmic scale  ·  ${whiskers}` : whiskers;
}

function subtitleOf({ unit, places, contenders }: Chart): string {
  const [place] = places;
  return [
    ...(places.length === 1 && place ? [place] : []),
    ...(places.length > 1 && contenders.length === 1 ? contenders : []),
    isRate(unit) ? 'more is better' : 'less is better',
  ].join('  ·  ');
}

/** Three figures, or all that stand before the point. */
function labelOf(value: number): string {
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString('en', digits);
}

/** Labels of which long ones are broken into lines. */
function labelsOf(labels: readonly string[]) {
  const lines = labels.map((label) => [label, label.match(/.{1,34}(?:\s|$)/g)?.map((line) => line.trim()) ?? [label]]);
  const linesOfLabel = `${JSON.stringify(Object.fromEntries(lines))}[datum.label]`;
  // Vega puts the first line in the middle of its row, and the others below.
  const halfLine = 6.5;
  const upBy = (test: string, by: number) => ({ test, value: -by });
  return {
    labelExpr: linesOfLabel,
    labelOffset: {
      condition: [2, 3].map((count) => upBy(`length(${linesOfLabel}) === ${count}`, (count - 1) * halfLine)),
      value: 0,
    },
  };
}

function coloursOf(contenders: readonly string[]): string[] {
  let ours = 0;
  let others = 0;
  const next = (colours: readonly string[], nth: number) => colours[nth % colours.length] as string;
  return contenders.map((who) => (isOurs(who) ? next(OURS, ours++) : next(OTHERS, others++)));
}

/** Colours for bars that have their names beside them: one colour for each project ("Emmett: …"). */
function coloursOfParties(contenders: readonly string[]): string[] {
  const partyOf = (who: string) => (isOurs(who) ? 'Afterwrite' : (who.split(':')[0] ?? who));
  const parties = [...new Set(contenders.map(partyOf))];
  const colours = coloursOf(parties);
  return contenders.map((who) => colours[parties.indexOf(partyOf(who))] as string);
}

/** As many as fit side by side. */
function columnsOf(contenders: readonly string[]): number {
  const widest = Math.max(...contenders.map(({ length }) => length)) * 6.5 + 40;
  return Math.max(1, Math.min(contenders.length, Math.floor((WIDTH - 40) / widest)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/** Metrics as Prometheus reads them. */
export interface Scrape {
  /** The value of a series; undefined if there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** All series of a name, by their labels. */
  series(name: string): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
  readonly names: readonly string[];
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

/**
 * Reads the text format as strictly as it is defined.
 * @throws {Error} with the line that does not belong there.
 */
export function parseMetrics(text: string): Scrape {
  const types = new Map<string, string>();
  const samples = new Map<string, Sample>();
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name && type) {
      if (types.has(name) || !TYPES.includes(type)) throw new Error(`Declared twice or as nothing: ${line}`);
      types.set(name, type);
      continue;
    }
    const sample = sampleOf(line);
    const family = sample.name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(sample.name) && !['histogram', 'summary'].includes(types.get(family) ?? '')) {
      throw new Error(`Of no type: ${line}`);
    }
    const key = keyOf(sample.name, sample.labels);
    if (samples.has(key)) throw new Error(`There twice: ${line}`);
    samples.set(key, sample);
  }
  return {
    value: (name, labels = {}) => samples.get(keyOf(name, labels))?.value,
    series: (name) => [...samples.values()].filter((sample) => sample.name === name),
    names: [...types.keys()],
  };
}

function sampleOf(line: string): Sample {
  const [, name, inner = '', number] = SAMPLE.exec(line) ?? [];
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : number === 'Nan' ? Number.NaN : Number(number);
  if (!name || (Number.isNaN(value) && number !== 'Nan')) throw new Error(`No sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const [, label, text] = LABEL.exec(inner) ?? [];
    if (!label || text === undefined) throw new Error(`No labels: ${line}`);
    labels[label] = text;
  }
  return { name, labels, value };
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

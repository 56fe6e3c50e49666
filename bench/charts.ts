// `npm run bench:charts` draws what `npm run bench` has found. See docs/benchmarks.md.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from '../scripts/launcher/install.mjs';
import { chartsOf } from './charts/chart.ts';
import { withFigures } from './charts/figures.ts';
import { readResults } from './charts/results.ts';

const docs = new URL('../docs/', import.meta.url);
const pictures = new URL('benchmarks/', docs);

/** Makes the charts in `docs/benchmarks` and the figures in `docs/benchmarks.md` of all that is in `bench/results`. */
export async function drawCharts(say: (line: string) => void): Promise<void> {
  const bench = fileURLToPath(new URL('.', import.meta.url));
  // Only development needs the drawing library, so it is loaded only if it is installed.
  await ensureInstalled(bench, fileURLToPath(new URL('node_modules/vega/package.json', import.meta.url)), say);
  const { draw } = await import('./charts/svg.ts');
  const results = await readResults(say);
  const charts = results.flatMap(chartsOf);
  await mkdir(pictures, { recursive: true });
  for (const chart of charts) await writeFile(new URL(chart.file, pictures), await draw(chart));
  // A chart that has got another name leaves no old picture.
  const old = (await readdir(pictures)).filter(
    (file) => file.endsWith('.svg') && !charts.some((chart) => chart.file === file),
  );
  for (const file of old) await rm(new URL(file, pictures));
  const page = new URL('benchmarks.md', docs);
  await writeFile(page, withFigures(await readFile(page, 'utf8'), results));
  say(`docs/benchmarks.md has the figures of ${results.length} benchmarks, with ${charts.length} charts.`);
}

if (import.meta.main) await drawCharts((line) => console.error(line));

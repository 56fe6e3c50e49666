import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, specifiedRules, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { roomsDomain } from '../../docs/example/rooms/index.ts';
import { domains } from '../../src/domains/index.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = globSync(['*.md', 'client/*.md', 'docs/**/*.md'], { cwd: root });

interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** What it is an excerpt of. */
  readonly file: string | undefined;
  readonly text: string;
}
const blocks = pages.flatMap(blocksOf);

function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language = '', file, content = '']) => {
    const line = text.slice(0, text.indexOf(content)).split('\n').length;
    return { page, line, language, file, text: content };
  });
}

/** The headings as GitHub names them in links. */
function anchorsOf(page: string): string[] {
  const headings = read(page).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** A link that leads nowhere; of a page's links those that stay in the repository. */
function brokenLinks(page: string): string[] {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : relative(root, join(root, dirname(page), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor);
  });
}

/** A file's lines hold a block's, which `// …` divides into parts, in this order and indented the same. */
function isExcerpt(block: string, file: string): boolean {
  const lines = file.split('\n');
  let from = 0;
  return block
    .trimEnd()
    .split(/\n *\/\/ …\n/)
    .every((part) => {
      const wanted = part.split('\n');
      const at = lines.findIndex((_, index) => index >= from && isPartAt(lines, index, wanted));
      from = at + wanted.length;
      return at >= 0;
    });
}

function isPartAt(lines: readonly string[], at: number, wanted: readonly string[]): boolean {
  const indent = ' '.repeat(Math.max(0, indentOf(lines[at]) - indentOf(wanted[0])));
  return wanted.every((line, index) => lines[at + index] === (line === '' ? '' : indent + line));
}

function indentOf(line = ''): number {
  return line.search(/\S|$/);
}

describe('the documentation', () => {
  it.each(pages)('%s has no link that leads nowhere', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(pages)('%s names only source files that exist', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|scripts|drizzle)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it.each(blocks.filter(({ file }) => file !== undefined))(
    '$page, line $line, shows a part of $file as it is',
    ({ file = '', text }) => {
      expect(isExcerpt(text, read(file)), text).toBe(true);
    },
  );

  const schema = buildSchema([...domains, roomsDomain], registerDomains([...domains, roomsDomain]));
  it.each(blocks.filter(({ language }) => language === 'graphql'))(
    '$page, line $line, asks for what the API has',
    ({ text }) => {
      expect(validate(schema, parse(text), specifiedRules)).toEqual([]);
    },
  );

  it('shows its examples in pages that exist', () => {
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/adding-a-domain.md', 'docs/consistency.md']),
    );
    expect(blocks.filter(({ page, file }) => page === 'docs/adding-a-domain.md' && file)).not.toHaveLength(0);
  });
});

describe('the page of a frontend library', () => {
  it.each(['apollo', 'urql', 'relay', 'fetch', 'codegen'])(
    '%s begins with the whole code, of at most ten lines',
    (name) => {
      const [first] = blocks.filter(({ page }) => page === `docs/frontend/${name}.md`);
      expect(first).toMatchObject({ file: `docs/example/frontend/${name}.ts`, line: 4 });
      expect(first?.text.trim()).toBe(read(`docs/example/frontend/${name}.ts`).trim());
      expect(first?.text.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
    },
  );
});

describe('the front page', () => {
  const figures = [...read('README.md').matchAll(/\*\*([\d.,]+)[^*]*\*\* \| `npm run bench -- (\S+)`/g)];

  it.each(figures.map(([, figure = '', benchmark = '']) => ({ figure, benchmark })))(
    'shows $figure as the benchmark $benchmark measured it',
    ({ figure, benchmark }) => {
      const [, section = ''] = read('docs/benchmarks.md').split(`\n### ${benchmark}\n`);
      expect(section.split('\n### ')[0]).toContain(` ${figure} |`);
    },
  );

  it('shows three figures', () => {
    expect(figures).toHaveLength(3);
  });

  it('leads to every document through the index', () => {
    const index = read('docs/README.md');
    const documents = globSync('docs/*.md', { cwd: root }).map((page) => page.slice('docs/'.length));
    expect(read('README.md')).toContain('(docs/README.md)');
    expect(documents.filter((page) => page !== 'README.md' && !index.includes(`(${page}`))).toEqual([]);
  });
});

describe('the trips through the code', () => {
  const page = read('docs/architecture.md');
  const trips = page.slice(page.indexOf('## Five trips'), page.indexOf('## The log\n')).split(/^\*\*/m).slice(1);

  it('are five, each a list of files that exist', () => {
    expect(trips).toHaveLength(5);
    for (const trip of trips) {
      const files = [...trip.matchAll(/\]\(\.\.\/(src\/[^)]+)\)/g)].map(([, file = '']) => file);
      expect(files.length).toBeGreaterThan(4);
      expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    }
  });

  it('return to no file more than three times', () => {
    for (const trip of trips) {
      const files = [...trip.matchAll(/\]\(\.\.\/(src\/[^)]+)\)/g)].map(([, file]) => file);
      for (const file of files) expect(files.filter((other) => other === file).length).toBeLessThanOrEqual(3);
    }
  });
});

describe('the example domain', () => {
  it('is less than 300 lines, all of its files together', () => {
    const files = globSync('docs/example/rooms/*', { cwd: root });
    expect(files).toHaveLength(4);
    const lines = files.reduce((sum, file) => sum + read(file).trimEnd().split('\n').length, 0);
    expect(lines).toBeLessThan(300);
  });
});

import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/glossary.md'), 'utf8');
const places = [...page.matchAll(/\[`(\w+)`\]\((\S+?)\)/g)].map(([, name = '', link = '']) => ({
  name,
  file: normalize(join('docs', link)),
}));

/** A name that a module declares and exports. */
function exportsName(text: string, name: string): boolean {
  const declaration = `^export (?:abstract |async |const )*(?:class|interface|type|function|const|enum)? ?${name}\\b`;
  return new RegExp(declaration, 'm').test(text) || new RegExp(`^export \\{[^}]*\\b${name}\\b[^}]*\\}`, 'm').test(text);
}

describe('docs/glossary.md', () => {
  it.each(places)('finds $name in $file', ({ name, file }) => {
    expect(existsSync(join(root, file)), `${file} does not exist`).toBe(true);
    expect(exportsName(readFileSync(join(root, file), 'utf8'), name)).toBe(true);
  });

  it('explains the functions with which a domain is defined', () => {
    const definers = globSync('src/kernel/define/**/*.ts', { cwd: root }).flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/^export function (define\w+)/gm)].map(([, name]) => name),
    );
    const known = new Set(places.map(({ name }) => name));
    expect(definers.length).toBeGreaterThan(5);
    expect(definers.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });
});

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CLI_ERROR_CODES } from '../../src/cli/errors.ts';
import { EMBEDDED_POSTGRES_ERROR_CODES } from '../../src/database/embedded/errors.ts';
import { DATABASE_ERROR_CODES } from '../../src/database/errors.ts';
import { LINK_ERROR_CODES } from '../../src/database/link/errors.ts';
import { CHECKS } from '../../src/doctor/finding.ts';
import { COMMAND_ERROR_CODES } from '../../src/graphql/commands/result-types.ts';
import { REQUEST_ERROR_CODES } from '../../src/graphql/errors.ts';
import { DEFINITION_ERROR_CODES } from '../../src/kernel/define/definition-error.ts';
import { ENGINE_ERROR_CODES, ENGINE_REJECTION_CODES, ISSUED_COMMAND_CODES } from '../../src/kernel/errors.ts';
import { OBSTACLE_KINDS } from '../../src/kernel/obstacles.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The lists of the code, and the codes that only one class has, by the section of docs/errors.md that explains them. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  'Errors of a request': REQUEST_ERROR_CODES,
  'Answers to a command': [...Object.values(COMMAND_ERROR_CODES), ...ENGINE_REJECTION_CODES],
  Definitions: DEFINITION_ERROR_CODES,
  Start: [
    ...['BAD_CONFIG', 'BAD_DOCUMENTS', 'LISTEN_FAILED'],
    ...DATABASE_ERROR_CODES,
    ...EMBEDDED_POSTGRES_ERROR_CODES,
  ],
  'Connections to Postgres': [...LINK_ERROR_CODES, 'ERR_INVALID_URL'],
  'The command line': CLI_ERROR_CODES,
  'Read models, processes and effects': [
    ...ENGINE_ERROR_CODES.filter((code) => !new Set<string>([...REQUEST_ERROR_CODES, ...CLI_ERROR_CODES]).has(code)),
    ...ISSUED_COMMAND_CODES,
  ],
  'Findings of `doctor`': CHECKS,
  'Reasons of `/readyz`': OBSTACLE_KINDS,
};

const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const sections = new Map(
  page.split(/^## /m).map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
);

function explainedIn(section: string): string[] {
  return [...(sections.get(section) ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, code = '']) => code);
}

/** Codes that the product's source gives to errors, wherever it does. */
function codesInSource(): string[] {
  const files = globSync(['src/{kernel,database,graphql,server,cli,doctor,settings,definition}/**/*.ts'], {
    cwd: root,
  });
  const givesCode = [
    /\bcode(?:: '[A-Z_]+'(?: \| '[A-Z_]+')*;|(?:: \w+)? = '[A-Z_]{4,}'| = '[A-Z_]{4,}'|: '[A-Z_]{4,}')/g,
    /(?:(?:Link|Token|Rebuild|Cli|Database|Tls|Definition)Error|linkError)\(\s*'[A-Z_]{4,}'/gi,
    /new EmbeddedPostgresError\(\s*'[a-z_]+'/g,
  ];
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const givers = givesCode.flatMap((pattern) => [...text.matchAll(pattern)].map(([giver]) => giver));
    return givers.flatMap((giver) => [...giver.matchAll(/'(\w+)'/g)].map(([, code = '']) => code));
  });
}

describe('docs/errors.md', () => {
  it.each(Object.entries(LISTS))('explains in "%s" exactly the codes that the code has', (section, codes) => {
    expect(explainedIn(section).toSorted()).toEqual([...new Set(codes)].toSorted());
  });

  it('has a line for every code that some source file gives to an error', () => {
    const listed = new Set([...Object.values(LISTS).flat(), ...ENGINE_ERROR_CODES, 'AUTH_UNAVAILABLE']);
    // Codes of the operating system are not ours.
    const known = (code: string) => listed.has(code) || /^E[A-Z]+$/.test(code);
    const found = codesInSource();
    expect(found.length).toBeGreaterThan(60);
    expect([...new Set(found.filter((code) => !known(code)))]).toEqual([]);
  });

  it('mentions no code that only a list has', () => {
    const source = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
    const times = (code: string) => source.reduce((sum, text) => sum + text.split(`'${code}'`).length - 1, 0);
    const codes = [
      ...DATABASE_ERROR_CODES,
      ...EMBEDDED_POSTGRES_ERROR_CODES,
      ...CLI_ERROR_CODES,
      ...ENGINE_ERROR_CODES,
      ...DEFINITION_ERROR_CODES,
    ];
    expect(codes.filter((code) => times(code) < 2)).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, stop } from 'esbuild';
import { afterAll, expect, it } from 'vitest';

const { dependencies } = JSON.parse(readFileSync('client/package.json', 'utf8'));

// Its process would stay.
afterAll(stop);

const asBrowsersLoadIt = async () => {
  const { outputFiles } = await build({
    entryPoints: ['client/src/index.ts'],
    ...{ bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', platform: 'browser' },
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
};

it('the core of the client is at most 6 kB (6,144 bytes) as browsers load it, and needs no other package', async () => {
  const bytes = gzipSync(await asBrowsersLoadIt()).length;
  expect(bytes).toBeGreaterThan(1000);
  expect(bytes).toBeLessThanOrEqual(6144);
  expect(dependencies).toBeUndefined();
});

it('an error says what it is, although names of classes are made small', async () => {
  const script = Buffer.from(await asBrowsersLoadIt()).toString('base64');
  const { UnreachableError } = (await import(
    `data:text/javascript;base64,${script}`
  )) as typeof import('../../client/src/index.ts');
  expect(String(new UnreachableError('There is no connection.'))).toBe('UnreachableError: There is no connection.');
});

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, stop } from 'esbuild';
import { afterAll, expect, it } from 'vitest';

const { dependencies } = JSON.parse(readFileSync('client/package.json', 'utf8'));

// Its process would stay.
afterAll(stop);

it('the core of the client is at most 6 kB (6,144 bytes) as browsers load it, and needs no other package', async () => {
  const { outputFiles } = await build({
    entryPoints: ['client/src/index.ts'],
    ...{ bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', platform: 'browser' },
  });
  const bytes = gzipSync(outputFiles[0]?.contents ?? '').length;
  expect(bytes).toBeGreaterThan(1000);
  expect(bytes).toBeLessThanOrEqual(6144);
  expect(dependencies).toBeUndefined();
});

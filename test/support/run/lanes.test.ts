import { globSync } from 'node:fs';
import { expect, it } from 'vitest';
import { lanesOf } from './lanes.ts';

const { unit, integration } = lanesOf(process.cwd());

it('a test that imports what starts a Postgres, itself or through a helper, is no unit test', () => {
  expect(integration).toContain('test/kernel/log/event-log.test.ts');
  // By way of test/support/server/app.ts.
  expect(integration).toContain('test/e2e/http/shop/notes.test.ts');
  expect(unit).toContain('test/kernel/consistency/positions.test.ts');
});

it('every test file is in one lane', () => {
  expect([...unit, ...integration].toSorted()).toEqual(globSync('test/**/*.test.ts').toSorted());
});

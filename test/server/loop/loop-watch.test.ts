import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperationPhase } from '../../../src/graphql/phases.ts';
import { logBlocks } from '../../../src/server/loop/log-blocks.ts';
import { type LoopBlock, LoopWatch } from '../../../src/server/loop/loop-watch.ts';
import { until } from '../../support/until.ts';

const phase = (operationName: string): OperationPhase => ({
  ...{ name: 'execute', document: `query ${operationName} { a }`, operationName, kind: 'query' },
  ...{ actor: { id: 'ada', roles: [], claims: {} }, correlationId: 'c' },
});
const busy = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

let blocks: LoopBlock[];
let watch: LoopWatch;
beforeEach(() => {
  blocks = [];
  watch = new LoopWatch(200, (block) => blocks.push(block));
  watch.start();
});
afterEach(() => watch.stop());

describe('a watch on the event loop', () => {
  it('names the operation that has kept it longest', async () => {
    watch.began(() => phase('Short'));
    busy(5);
    watch.ended();
    watch.began(() => phase('Long'));
    busy(400);
    watch.ended();
    watch.began(() => phase('Last'));
    watch.ended();
    await until(() => blocks.length > 0);
    expect(blocks[0]?.phase?.operationName).toBe('Long');
    expect(blocks[0]?.ms).toBeGreaterThan(200);
  });

  it('names none if it was no operation', async () => {
    watch.began(() => phase('Short'));
    watch.ended();
    busy(400);
    await until(() => blocks.length > 0);
    expect(blocks[0]?.phase).toBeUndefined();
  });

  it('detects what blocks for long while there are no operations', async () => {
    busy(500);
    await until(() => blocks.length > 0);
    expect(blocks[0]?.ms).toBeGreaterThan(200);
    expect(blocks[0]?.phase).toBeUndefined();
  });

  it('remembers the longest of very many', async () => {
    watch.began(() => phase('Long'));
    busy(400);
    watch.ended();
    for (let n = 0; n < 10_000; n++) {
      watch.began(() => phase('Short'));
      watch.ended();
    }
    await until(() => blocks.length > 0);
    expect(blocks[0]?.phase?.operationName).toBe('Long');
  });
});

it('the log says by whom the event loop was blocked, and not in which words', () => {
  const lines: string[] = [];
  const destination = new Writable({
    write: (line, _, done) => {
      lines.push(String(line));
      done();
    },
  });
  const log = logBlocks(pino(destination));
  log({ ms: 300.4, phase: phase('Long') });
  log({ ms: 100, phase: undefined });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ ms: 300, phase: 'execute', operation: 'Long', kind: 'query', actor: 'ada', correlationId: 'c' },
    document: expect.stringMatching(/^[\da-f]{64}$/),
    msg: 'the event loop was blocked',
  });
  expect(lines[0]).not.toContain('{ a }');
});

import { getIntrospectionQuery } from 'graphql';
import { expect, it } from 'vitest';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const app = useApp({ env: { EVENT_LOOP_BLOCK_MS: '1' }, fulfils: false });

it('an operation that keeps the event loop is named in the log and counted', async () => {
  const query = getIntrospectionQuery().replace('IntrospectionQuery', 'WholeSchema');
  const line = await until(async () => {
    await app.query(query, {}, { operationName: 'WholeSchema' });
    return (
      app.log.find((entry) => entry.includes('the event loop was blocked') && entry.includes('"WholeSchema"')) ?? ''
    );
  });
  expect(JSON.parse(line)).toMatchObject({
    kind: 'query',
    phase: expect.stringMatching(/^(execute|answer)$/),
    document: expect.stringMatching(/^[\da-f]{64}$/),
    correlationId: expect.any(String),
  });
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toMatch(/afterwrite_event_loop_block_seconds_count\{kind="query"\} [1-9]/);
});

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Metrics } from '../../../src/server/metrics/metrics.ts';
import { observeServer } from '../../../src/server/operations/observe.ts';

const fault = { error: new Error('broken'), context: {} };

it('what happens in a server is logged and counted by its one observer', async () => {
  const lines: { readonly level: number; readonly msg: string }[] = [];
  const metrics = new Metrics();
  const observer = observeServer(pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }), metrics);
  observer.tell('databaseNoticed', { line: 'the roles could not be made' });
  observer.tell('faultMet', fault);
  observer.tell('updateDelayed', fault);
  observer.tell('requestFailed', { error: fault.error, correlationId: 'some-request' });
  observer.tell('loopBlocked', { ms: 100, phase: undefined });
  const [warn, error] = [40, 50];
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [warn, 'the roles could not be made'],
    [error, 'the engine met a fault and goes on'],
    [error, 'a subscription could not be told of a change yet'],
    [error, 'a request failed'],
    [warn, 'the event loop was blocked'],
  ]);
  const { text } = await metrics.scrape();
  for (const kind of ['engine', 'live_row', 'request'])
    expect(text).toContain(`afterwrite_faults_total{kind="${kind}"} 1`);
  expect(text).toContain('afterwrite_event_loop_block_seconds_count{kind="none"} 1');
});

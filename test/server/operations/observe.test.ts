import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Metrics } from '../../../src/server/metrics/metrics.ts';
import { observeServer } from '../../../src/server/operations/observe.ts';

const fault = { error: new Error('broken'), context: {} };

it('what happens in a server is logged and counted by its one observer', async () => {
  const lines: { readonly level: number; readonly msg: string }[] = [];
  const metrics = new Metrics();
  const observer = observeServer(pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }), metrics);
  observer.tell('databaseNoticed', { message: 'the roles could not be made' });
  observer.tell('postgresStepBegun', { step: 'starting Postgres' });
  observer.tell('faultMet', fault);
  observer.tell('updateDelayed', fault);
  observer.tell('requestFailed', { error: fault.error, correlationId: 'some-request' });
  observer.tell('transportFailed', { step: 'handle a request', error: fault.error, correlationId: undefined });
  observer.tell('originRefused', { origin: 'https://else.example' });
  observer.tell('loopBlocked', { ms: 100, phase: undefined });
  const [info, warn, error] = [30, 40, 50];
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [warn, 'the roles could not be made'],
    [info, 'starting Postgres'],
    [error, 'the engine met a fault and goes on'],
    [error, 'a subscription could not be told of a change yet'],
    [error, 'a request failed'],
    [error, 'something could not be done for a client'],
    [warn, 'pages of this origin may not call the server: name it in CORS_ORIGINS to allow them'],
    [warn, 'the event loop was blocked'],
  ]);
  const { text } = await metrics.scrape();
  for (const [kind, times] of Object.entries({ engine: 1, live_row: 1, request: 2 }))
    expect(text).toContain(`afterwrite_faults_total{kind="${kind}"} ${times}`);
  expect(text).toContain('afterwrite_event_loop_block_seconds_count{kind="none"} 1');
});

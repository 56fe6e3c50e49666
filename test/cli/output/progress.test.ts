import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { startProgress } from '../../../src/cli/output/progress.ts';

function anOutput(isTTY: boolean) {
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 120 });
  return { output, text: () => String(output.read() ?? '') };
}

describe('progress if the output is not a terminal', () => {
  it('is plain lines, at most one every few seconds, with rate and time left', () => {
    const { output, text } = anOutput(false);
    let now = 0;
    const progress = startProgress(output, { title: 'Importing', unit: 'rows', total: 5000, now: () => now });
    for (let done = 1; done <= 1000; done++) {
      now += 4;
      progress.update(done);
    }
    progress.stop();
    expect(text()).toBe(
      'Importing: 750 of 5,000 rows (15%), 250 rows/s, 17 s left\n' +
        'Importing: 1,000 of 5,000 rows (20%), 250 rows/s, 16 s left\n',
    );
  });

  it('says once how it ended', () => {
    const { output, text } = anOutput(false);
    let now = 0;
    const progress = startProgress(output, { title: 'Checking', unit: 'events', total: 10, now: () => now });
    now = 5000;
    progress.update(10);
    progress.stop();
    expect(text()).toBe('Checking: 10 of 10 events (100%), 2 events/s\n');
  });

  it('counts hours if it takes them', () => {
    const { output, text } = anOutput(false);
    let now = 0;
    const progress = startProgress(output, { title: 'Importing', unit: 'rows', total: 7301, now: () => now });
    now = 1000;
    progress.update(1);
    progress.stop();
    expect(text()).toContain('2 h 1 min left');
  });
});

describe('progress on a terminal', () => {
  it('is a bar with rate and time left', () => {
    const { output, text } = anOutput(true);
    let now = 0;
    const progress = startProgress(output, { title: 'Importing', unit: 'rows', total: 1000, now: () => now });
    now = 1000;
    progress.update(250);
    progress.stop();
    expect(text()).toContain('25% | 250 of 1,000 rows | 250 rows/s | 3 s left');
  });
});

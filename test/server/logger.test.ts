import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/server/logger.ts';

function written(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  write(createLogger(readConfig({}), destination));
  return text;
}

describe('a line of the log', () => {
  it('has no credentials of a URL that an error repeats', () => {
    const error = new Error('connect ECONNREFUSED https://ada:secret@pay.example/v1?api_key=secret');
    const line = written((logger) => logger.error({ err: error, url: 'postgres://ada:secret@db/shop' }, 'no luck'));
    expect(line).not.toContain('secret');
    expect(JSON.parse(line)).toMatchObject({
      err: { message: 'connect ECONNREFUSED https://***@pay.example/v1?api_key=***' },
      url: 'postgres://***@db/shop',
    });
  });

  it('is one line that a terminal does not obey, and the same to who parses it', () => {
    const name = 'x\u001b[2J\u202e\u200b\n"';
    const line = written((logger) => logger.info({ name }, name));
    expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(line)).toMatchObject({ name, msg: name });
  });
});

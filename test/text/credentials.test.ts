import { describe, expect, it } from 'vitest';
import { withoutCredentials } from '../../src/text/credentials.ts';

describe('a text that repeats a URL', () => {
  it.each([
    ['postgres://ada:secret@db.example:5432/shop', 'postgres://***@db.example:5432/shop'],
    ['postgres://ada:se@cr@et@db/shop', 'postgres://***@db/shop'],
    ['https://token@pay.example/v1', 'https://***@pay.example/v1'],
    ['cannot reach http://u:secret@proxy:3128: refused', 'cannot reach http://***@proxy:3128: refused'],
    [
      'postgres://db/shop?user=ada&password=secret&sslmode=require',
      'postgres://db/shop?user=ada&password=***&sslmode=require',
    ],
    ['https://id.example/keys?api_key=secret', 'https://id.example/keys?api_key=***'],
    ['https://id.example/keys?access_token=secret#x', 'https://id.example/keys?access_token=***#x'],
    ['{"url":"redis://:secret@cache:6379"}', '{"url":"redis://***@cache:6379"}'],
    ['amqp://a:secret@one,amqp://b:secret@two', 'amqp://***@one,amqp://***@two'],
  ])('%s loses its credentials', (text, shown) => {
    expect(withoutCredentials(text)).toBe(shown);
    expect(withoutCredentials(text)).not.toContain('secret');
  });

  it.each(['https://id.example/keys', 'mail ada@example.org', 'https://id.example/a?monkey=1&page=2', 'x://y?a=b'])(
    'keeps the rest: %s',
    (text) => {
      expect(withoutCredentials(text)).toBe(text);
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { customerToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { lacks } from '../../../support/server/environment.ts';
import { type RedisServer, redisServer } from '../../../support/server/redis-server.ts';
import { until } from '../../../support/until.ts';

const READ = '{ projections { name } }';

describe.skipIf(lacks('redis-server'))('two servers with one Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await redisServer();
    await redis.start();
  });
  afterAll(() => redis?.stop());
  const env = () => ({ ...WITH_AUTH, OPERATIONS_PER_ACTOR: '10', LIMITS_REDIS_URL: redis.url });
  const one = useApp({ env, fulfils: false });
  const two = useApp({ env, fulfils: false });
  const logs = () => [...one.log, ...two.log].map((line) => JSON.parse(line).msg as string);
  const bothCountTogether = (times: number) =>
    until(() => logs().filter((msg) => msg === 'rates are counted in the Redis of LIMITS_REDIS_URL').length === times);

  it('count what an actor spends together', async () => {
    await bothCountTogether(2);
    const token = await customerToken('ada');
    for (let sent = 0; sent < 5; sent++) {
      for (const app of [one, two]) expect((await app.query(READ, {}, { token })).status).toBe(200);
    }
    for (const app of [one, two]) {
      const answer = await app.query(READ, {}, { token });
      expect([answer.status, answer.code]).toEqual([429, 'THROTTLED']);
      expect(Number(answer.errors?.[0]?.extensions.retryAfterMs)).toBeLessThanOrEqual(10_000);
    }
  });

  it('each count for themselves while it does not answer or is away, and no request fails for it', async () => {
    redis.pause();
    const bob = await customerToken('bob');
    for (const app of [one, two]) {
      for (let sent = 0; sent < 10; sent++) expect((await app.query(READ, {}, { token: bob })).status).toBe(200);
      expect((await app.query(READ, {}, { token: bob })).status).toBe(429);
    }
    redis.resume();
    await redis.stop();
    const cleo = await customerToken('cleo');
    for (const app of [one, two]) {
      for (let sent = 0; sent < 10; sent++) expect((await app.query(READ, {}, { token: cleo })).status).toBe(200);
      expect((await app.query(READ, {}, { token: cleo })).status).toBe(429);
    }
    expect(logs().filter((msg) => msg.includes('does not answer')).length).toBeGreaterThanOrEqual(2);
  });

  it('count together again once it is back', async () => {
    await redis.start();
    await bothCountTogether(4);
    const token = await customerToken('dora');
    for (let sent = 0; sent < 5; sent++) {
      for (const app of [one, two]) expect((await app.query(READ, {}, { token })).status).toBe(200);
    }
    expect((await one.query(READ, {}, { token })).status).toBe(429);
  });
});

describe('a server whose Redis was never there', () => {
  const app = useApp({
    env: { ...WITH_AUTH, OPERATIONS_PER_ACTOR: '3', LIMITS_REDIS_URL: 'redis://127.0.0.1:9' },
    fulfils: false,
  });

  it('counts for itself and says so', async () => {
    const token = await customerToken('ada');
    for (let sent = 0; sent < 3; sent++) expect((await app.query(READ, {}, { token })).status).toBe(200);
    expect((await app.query(READ, {}, { token })).status).toBe(429);
    await until(() => app.log.some((line) => line.includes('does not answer: this server counts its own rates')));
  });
});

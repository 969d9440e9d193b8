import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { startUpstash } from '../../deploy/local/servers/upstash.ts';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createUpstashLimiter } from '../adapters/upstash-limiter.ts';
import { budgetsOf, LIMIT_RULES } from '../limits.ts';
import type { Limiter } from '../ports.ts';
import { TestClock } from './harness.ts';
import { limiterContract } from './limiter-contract.ts';
import { createMemoryLimiter } from './memory-limiter.ts';

describe('Budgets in memory', (suite) => {
  const clock = new TestClock();
  const limiter = createMemoryLimiter(clock);
  limiterContract(suite, () => limiter);

  suite.test('are whole again after their window', async () => {
    const { calls, windowSeconds } = LIMIT_RULES.signUp;
    const tag = randomId();
    for (let i = 0; i < calls; i += 1) await limiter.draw('signUp', tag);
    clock.advance(windowSeconds * 1_000);
    assert.is(await limiter.draw('signUp', tag), 'allowed');
  });
});

describe('Budgets over Upstash REST and a real Redis', (suite) => {
  let limiter: Limiter;
  let redis: Redis;
  const ends: (() => unknown)[] = [];
  suite.before(async () => {
    const server = await startRedis();
    const rest = await startUpstash({ redisUrl: server.url });
    redis = new Redis(server.url);
    ends.push(server.stop, rest.stop, () => redis.disconnect());
    limiter = createUpstashLimiter({
      ...rest,
      budgets: budgetsOf('default'),
      timeoutMs: 2_000,
      log: () => undefined,
    });
  });
  suite.after(async () => {
    for (const end of ends.reverse()) await end();
  });
  limiterContract(suite, () => limiter);

  suite.test('leave nothing but tags, and nothing that stays', async () => {
    const tag = randomId();
    await limiter.draw('connect', tag);
    const keys = (await redis.keys('*')).filter((key) => key.includes(tag));
    assert.is(keys.length, 1);
    assert.match(keys[0] ?? '', /^hw1:rl:connect:[A-Za-z0-9_-]{22}:\d+$/);
    for (const key of await redis.keys('hw1:rl:*')) assert.ok((await redis.ttl(key)) > 0, key);
  });
});

describe('Budgets without their store', ({ test }) => {
  const create = (port: number, timeoutMs = 50) =>
    createUpstashLimiter({
      url: `http://127.0.0.1:${port}`,
      token: 't',
      budgets: budgetsOf('default'),
      timeoutMs,
      log: () => undefined,
    });

  test('are unknown when nobody answers there', async () => {
    assert.is(await create(1).draw('signUp', randomId()), 'unknown');
  });

  test('are unknown when the answer takes too long', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    assert.is(await create((silent.address() as AddressInfo).port).draw('signUp', randomId()), 'unknown');
    silent.closeAllConnections();
    silent.close();
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import type { RunningServer } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { startUpstash } from '../../deploy/local/servers/upstash.ts';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createUpstashState } from '../adapters/upstash-state.ts';
import { stateContract } from './state-contract.ts';

describe('State over Upstash REST and a real Redis', (suite) => {
  suite.needs('redis-server');
  let server: RunningServer;
  let redis: Redis;
  let rest: Awaited<ReturnType<typeof startUpstash>>;
  suite.before(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  suite.beforeEach(async () => {
    await redis.flushall();
    rest = await startUpstash({ redisUrl: server.url });
  });
  suite.afterEach(() => rest.stop());
  suite.after(async () => {
    redis.disconnect();
    await server.stop();
  });

  stateContract(suite, () => ({
    state: createUpstashState({ url: rest.url, token: rest.token }),
    now: Date.now,
    pass: (ms) => age(redis, ms),
    breakDown: () => rest.stop(),
  }));

  suite.test('names keys by kind and tag, expires each, and stores what is sealed as it is', async () => {
    const state = createUpstashState({ url: rest.url, token: rest.token });
    const tag = randomId();
    const expiresAtMs = Math.ceil(Date.now() / 3_600_000 + 48) * 3_600_000;
    await state.put([{ kind: 'sess', tag, version: 7, sealed: '1.abc', expiresAtMs, onEqual: 'keep' }]);
    await state.redeem({ tag, lifeSeconds: 180 }, []);
    assert.equal((await redis.keys('*')).sort(), [`hw1:once:${tag}`, `hw1:sess:${tag}`]);
    assert.is(await redis.get(`hw1:sess:${tag}`), '7:1.abc');
    assert.is(await redis.pexpiretime(`hw1:sess:${tag}`), expiresAtMs);
    const ttl = await redis.ttl(`hw1:once:${tag}`);
    assert.ok(ttl > 170 && ttl <= 180);
  });

  suite.test('takes a value it cannot read for unknown, and replaces it', async () => {
    const state = createUpstashState({ url: rest.url, token: rest.token });
    const tag = randomId();
    const copy = { kind: 'dev', tag, version: 1, sealed: '1.abc', onEqual: 'keep' } as const;
    await redis.set(`hw1:dev:${tag}`, 'garbage');
    assert.is((await state.look([copy])).held[0], undefined);
    await state.put([{ ...copy, expiresAtMs: Date.now() + 3_600_000 }]);
    assert.is((await state.look([copy])).held[0]?.sealed, '1.abc');
  });

  suite.test('answers unavailable for a wrong token', async () => {
    const state = createUpstashState({ url: rest.url, token: randomId() });
    await rejectsWith(state.ping(), 'unavailable');
  });

  suite.test('answers unavailable when the Redis behind it refuses', async () => {
    const state = createUpstashState({ url: rest.url, token: rest.token });
    const tag = randomId();
    await redis.lpush(`hw1:dev:${tag}`, 'x');
    const copy = { kind: 'dev', tag, version: 1, sealed: '1.abc', onEqual: 'keep' } as const;
    await rejectsWith(state.put([{ ...copy, expiresAtMs: Date.now() + 3_600_000 }]), 'unavailable');
  });
});

describe('State over Upstash REST', ({ test }) => {
  test('waits no longer than it is told to for a store that never answers, and asks once', async () => {
    let requests = 0;
    const silent = createServer(() => {
      requests += 1;
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const state = createUpstashState({ url: `http://127.0.0.1:${port}`, token: 'x', timeoutMs: 50 });
    const startMs = performance.now();
    await rejectsWith(state.redeem({ tag: randomId(), lifeSeconds: 60 }, []), 'unavailable');
    assert.ok(performance.now() - startMs < 1_500);
    assert.is(requests, 1);
    silent.closeAllConnections();
    silent.close();
  });

  test('asks a store that refuses connections once, and says unavailable at once', async () => {
    const state = createUpstashState({ url: 'http://127.0.0.1:1', token: 'x' });
    await rejectsWith(state.ping(), 'unavailable');
  });
});

/** Lets `ms` pass for every key, by shortening what is left of its life. */
async function age(redis: Redis, ms: number): Promise<void> {
  for (const key of await redis.keys('*')) {
    const left = await redis.pttl(key);
    if (left > ms) await redis.pexpire(key, left - ms);
    else await redis.del(key);
  }
}

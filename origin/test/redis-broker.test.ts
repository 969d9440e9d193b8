import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import type { RunningServer } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { relayKey } from '../adapters/partitions.ts';
import { openRelay, type Relay } from '../adapters/redis-relay.ts';
import { describeBroker } from './broker-contract.ts';

interface OpenOptions {
  readonly now?: () => number;
  readonly maxPublications?: number;
  readonly maxBytes?: number;
}

const open = (url: string, options: OpenOptions = {}): Promise<Relay> =>
  openRelay({ url, log: () => undefined, now: Date.now, retentionHours: 24, ...options }, 3_000);

describeBroker('Redis', async () => {
  const redis = await startRedis();
  const relay = await open(redis.url);
  return {
    broker: relay.broker,
    stop: async () => {
      relay.close();
      await redis.stop();
    },
  };
});

describe('redis broker', ({ test, before, after }) => {
  let server: RunningServer;
  let raw: Redis;
  const relays: Relay[] = [];
  const start = async (options: OpenOptions = {}) => {
    const relay = await open(server.url, options);
    relays.push(relay);
    return relay.broker;
  };
  before(async () => {
    server = await startRedis();
    raw = new Redis(server.url, { protocol: 2 });
  });
  after(async () => {
    raw.disconnect();
    for (const relay of relays) relay.close();
    await server.stop();
  });

  test('two nodes publishing at once share one order, and each hears all of it', async () => {
    const [a, b] = [await start(), await start()];
    const channel = randomId();
    const heard: Record<'a' | 'b', number[]> = { a: [], b: [] };
    a.listen({
      onPublication: (_, { position }) => void heard.a.push(position.offset),
      onEphemeral: () => undefined,
      onInterrupted: () => undefined,
    });
    b.listen({
      onPublication: (_, { position }) => void heard.b.push(position.offset),
      onEphemeral: () => undefined,
      onInterrupted: () => undefined,
    });
    await Promise.all([a.subscribe(channel), b.subscribe(channel)]);
    await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        (i % 2 ? a : b).publish({ channel, id: randomId(), body: `m${i}` }),
      ),
    );
    const expected = Array.from({ length: 500 }, (_, i) => i + 1);
    await until(() => heard.a.length === 500 && heard.b.length === 500, {
      what: '500 announcements on both',
    });
    assert.equal(heard.a, expected);
    assert.equal(heard.b, expected);
  });

  test('the log keeps at most its count, and a late reader is told', async () => {
    const broker = await start({ maxPublications: 100 });
    const channel = randomId();
    const first = await broker.publish({ channel, id: randomId(), body: 'x' });
    for (let i = 0; i < 300; i += 1) await broker.publish({ channel, id: randomId(), body: 'x' });
    const length = await raw.xlen(relayKey('log', channel));
    assert.ok(length <= 100 && length >= 68, String(length));
    const page = await broker.read(channel, first.position);
    assert.is(page.gap, 'trimmed');
    assert.is(page.publications.length, length);
    assert.is(page.publications.at(-1)?.position.offset, 301);
  });

  test('the log keeps at most its bytes', async () => {
    const broker = await start({ maxBytes: 10_000 });
    const channel = randomId();
    for (let i = 0; i < 50; i += 1)
      await broker.publish({ channel, id: randomId(), body: 'x'.repeat(1_000) });
    assert.is(await raw.xlen(relayKey('log', channel)), 10);
    assert.is(await raw.hget(relayKey('head', channel), 'b'), '10000');
  });

  test('a page is bounded by bytes, and the rest follows', async () => {
    const broker = await start();
    const channel = randomId();
    const { head } = await broker.read(channel, undefined);
    const body = 'x'.repeat(80_000);
    for (let i = 0; i < 20; i += 1) await broker.publish({ channel, id: randomId(), body });
    const page = await broker.read(channel, head);
    assert.is(page.publications.length, 3);
    assert.is(
      (await broker.read(channel, page.publications.at(-1)?.position)).publications[0]?.position.offset,
      4,
    );
  });

  test('ids are remembered for at least ten minutes and forgotten after twenty', async () => {
    let now = Date.now();
    const broker = await start({ now: () => now });
    const channel = randomId();
    const id = randomId();
    await broker.publish({ channel, id, body: 'x' });
    const retry = async () => (await broker.publish({ channel, id, body: 'x' })).outcome === 'duplicate';
    now += 9.9 * 60_000;
    await broker.publish({ channel, id: randomId(), body: 'y' });
    assert.ok(await retry());
    now += 20 * 60_000;
    assert.not(await retry());
  });

  test('a full generation of ids outlives the end of its ten minutes', async () => {
    // Two seconds before a bucket of ten minutes ends.
    let now = Math.ceil(Date.now() / 600_000) * 600_000 + 598_000;
    const broker = await start({ now: () => now });
    const channel = randomId();
    const ids = Array.from({ length: 5_000 }, () => randomId());
    await Promise.all(ids.map((id) => broker.publish({ channel, id, body: 'x' })));
    await broker.publish({ channel, id: randomId(), body: 'x' });
    now += 3_000;
    await broker.publish({ channel, id: randomId(), body: 'x' });
    assert.ok((await broker.publish({ channel, id: ids.at(-1) ?? '', body: 'x' })).outcome === 'duplicate');
    now += 590_000;
    await broker.publish({ channel, id: randomId(), body: 'x' });
    assert.ok((await broker.publish({ channel, id: ids.at(-1) ?? '', body: 'x' })).outcome === 'duplicate');
  });

  test('retries that only find duplicates do not forget ids', async () => {
    let now = Date.now();
    const broker = await start({ now: () => now });
    const channel = randomId();
    const id = randomId();
    await broker.publish({ channel, id, body: 'x' });
    for (let minute = 0; minute < 9; minute += 1) {
      now += 60_000;
      assert.ok((await broker.publish({ channel, id, body: 'x' })).outcome === 'duplicate');
    }
  });

  test('a node whose clock is behind does not forget ids', async () => {
    const now = Date.now();
    const ahead = await start({ now: () => now + 600_000 });
    const behind = await start({ now: () => now });
    const channel = randomId();
    const ids = Array.from({ length: 6 }, () => randomId());
    for (const [i, id] of ids.entries()) await (i % 2 ? ahead : behind).publish({ channel, id, body: 'x' });
    for (const id of ids)
      assert.ok((await behind.publish({ channel, id, body: 'x' })).outcome === 'duplicate');
  });

  test('stored expiries are whole hours and nothing else tells the time', async () => {
    const broker = await start();
    const channel = randomId();
    await broker.publish({ channel, id: randomId(), body: 'x' });
    for (const kind of ['log', 'head']) {
      const expiry = Number(await raw.call('EXPIRETIME', relayKey(kind, channel)));
      assert.is(expiry % 3_600, 0, kind);
      assert.ok(expiry > Date.now() / 1000 + 24 * 3_600 - 1, kind);
    }
    const [[id] = []] = (await raw.xrange(relayKey('log', channel), '-', '+')) as [string, string[]][];
    assert.is(id, '1-0');
  });

  test('a flushed script cache is loaded again without a failure', async () => {
    const broker = await start();
    const channel = randomId();
    await raw.script('FLUSH');
    const { position } = await broker.publish({ channel, id: randomId(), body: 'x' });
    assert.is(position.offset, 1);
    assert.is((await broker.read(channel, undefined)).head.offset, 1);
  });

  test('a full Redis refuses with unavailable and takes nothing', async () => {
    const broker = await start();
    const channel = randomId();
    await broker.publish({ channel, id: randomId(), body: 'x' });
    await raw.config('SET', 'maxmemory', '1');
    try {
      await rejectsWith(broker.publish({ channel, id: randomId(), body: 'y' }), 'unavailable');
    } finally {
      await raw.config('SET', 'maxmemory', '0');
    }
    assert.is((await broker.read(channel, undefined)).head.offset, 1);
  });
}, 20_000);

describe('redis broker over a restart', ({ test }) => {
  test('commands fail fast while Redis is away, and a new server life begins a new epoch', async () => {
    const first = await startRedis();
    const relay = await open(first.url);
    const { broker } = relay;
    let interruptions = 0;
    const heard: string[] = [];
    broker.listen({
      onPublication: (_, { body }) => void heard.push(body),
      onEphemeral: () => undefined,
      onInterrupted: () => {
        interruptions += 1;
      },
    });
    const channel = randomId();
    await broker.subscribe(channel);
    const before = await broker.publish({ channel, id: randomId(), body: 'old' });
    await first.stop();
    await rejectsWith(broker.publish({ channel, id: randomId(), body: 'lost' }), 'unavailable');
    await rejectsWith(broker.read(channel, undefined), 'unavailable');
    const second = await startRedis({ port: first.port, password: new URL(first.url).password });
    await until(() => interruptions === 1, { what: 'resubscription', timeoutMs: 10_000 });
    await until(() => relay.commands.runId !== undefined, {
      what: 'the command connection',
      timeoutMs: 10_000,
    });
    const page = await broker.read(channel, before.position);
    assert.is(page.gap, 'epoch');
    const after = await broker.publish({ channel, id: randomId(), body: 'new' });
    assert.is.not(after.position.epoch, before.position.epoch);
    await until(() => heard.includes('new'), { what: 'the announcement after the restart' });
    relay.close();
    await second.stop();
  });
}, 20_000);

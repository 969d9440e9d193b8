import * as assert from 'uvu/assert';
import type { RedisServer } from '../../deploy/local/servers/redis.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { Relay } from '../adapters/redis-relay.ts';
import { type HalfDeadProxy, startHalfDead } from './half-dead.ts';
import { openOn } from './relays.ts';

const TIMES = { intervalMs: 50, boundMs: 300 };

describe('probe of the subscriptions', ({ test, before, after }) => {
  let server: RedisServer;
  let proxy: HalfDeadProxy;
  let direct: Relay;
  before(async () => {
    server = await startRedis();
    proxy = await startHalfDead(server.url);
    direct = await openOn([server.url]);
  });
  after(async () => {
    direct.close();
    await proxy.stop();
    await server.stop();
  });

  /** A relay behind the proxy, what it hears, and a channel it has subscribed to. */
  const subscriber = async () => {
    const relay = await openOn([proxy.url], { probeTimes: TIMES });
    const heard: string[] = [];
    const interruptions: Tag[] = [];
    relay.broker.listen({
      onPublication: (_, { body }) => void heard.push(body),
      onEphemeral: () => undefined,
      onInterrupted: () => void interruptions.push(''),
    });
    const channel = randomId();
    await relay.broker.subscribe(channel);
    await until(() => relay.probe.ageMs > 0, { what: 'the first round' });
    const publish = (body: string) => direct.broker.publish({ channel, id: randomId(), body });
    return { relay, heard, interruptions, channel, publish };
  };

  for (const [how, kill] of [
    ['that answers but has lost its subscriptions', () => proxy.unsubscribe()],
    ['that stays open and brings nothing', () => proxy.stall()],
  ] as const)
    test(`a connection ${how} is replaced, and what it missed is looked for`, async () => {
      const { relay, heard, interruptions, channel, publish } = await subscriber();
      const { position } = await publish('before');
      await until(() => heard.length === 1, { what: 'an announcement' });
      kill();
      await until(() => relay.probe.replaced === 1, { what: 'the replacement' });
      await publish('missed');
      await until(() => interruptions.length === 1, { what: 'the interruption' });
      const page = await relay.broker.read(channel, position);
      assert.equal(
        page.publications.map(({ body }) => body),
        ['missed'],
      );
      await publish('after');
      await until(() => heard.includes('after'), { what: 'the restored subscription' });
      assert.ok(relay.probe.ageMs < 3_000);
      relay.close();
    });

  test('a connection that brings what is announced is left alone, and its age stays low', async () => {
    const { relay, interruptions } = await subscriber();
    let oldest = 0;
    const endMs = performance.now() + 1_000;
    await until(
      () => {
        oldest = Math.max(oldest, relay.probe.ageMs);
        return performance.now() > endMs;
      },
      { what: 'twenty rounds' },
    );
    assert.ok(oldest > 0 && oldest < TIMES.boundMs, `${oldest} ms`);
    assert.equal([relay.probe.replaced, interruptions.length], [0, 0]);
    relay.close();
  });

  test('a relay that takes no probe does not have its subscriptions replaced', async () => {
    const { relay } = await subscriber();
    await server.stop();
    await until(() => relay.probe.ageMs > 2 * TIMES.boundMs, { what: 'silence' });
    assert.is(relay.probe.replaced, 0);
    relay.close();
  });
});

import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { describeRedisBroker } from './redis-broker-contract.ts';
import { openOn, startSingle } from './relays.ts';

describeRedisBroker('Redis', startSingle);

describe('redis broker over a restart', ({ test }) => {
  test('commands fail fast while Redis is away, and a new server life begins a new epoch', async () => {
    const first = await startRedis();
    const relay = await openOn([first.url]);
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
    await until(() => relay.commands.roundTripMs !== undefined, {
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

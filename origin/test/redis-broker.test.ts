import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { describeRedisBroker } from './redis-broker-contract.ts';
import { openOn, startSingle } from './relays.ts';

describeRedisBroker('Redis', startSingle);

describe('redis broker within a tick', ({ test }) => {
  test('publishes several messages of one channel by one call of the script', async () => {
    const redis = await startRedis();
    const relay = await openOn([redis.url]);
    const asked = new Redis(redis.url, { protocol: 2 });
    const calls = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await asked.info('commandstats'))?.[1]);
    try {
      const channel = randomId();
      const publish = (body: string) => relay.broker.publish({ channel, id: randomId(), body });
      await publish('the script is known now');
      const before = await calls();
      const accepted = await Promise.all(Array.from({ length: 50 }, (_, i) => publish(`${i}`)));
      assert.equal(
        accepted.map(({ position }) => position.offset),
        Array.from({ length: 50 }, (_, i) => i + 2),
      );
      // The probe of the connections asks by a script, too: every two seconds.
      assert.ok((await calls()) - before <= 2, `${(await calls()) - before} calls`);
    } finally {
      asked.disconnect();
      relay.close();
      await redis.stop();
    }
  });
});

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

  test('a server put back to an older append-only file: what it forgot is told, for channels and for mailboxes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hushwire-older-'));
    const [now, older] = [join(dir, 'now'), join(dir, 'older')];
    const first = await startRedis({ dir: now });
    const relay = await openOn([first.url]);
    const { broker, mailboxes } = relay;
    const channel = randomId();
    const publish = (body: string) => broker.publish({ channel, id: randomId(), body });
    const post = (body: string) =>
      mailboxes.post({ mailbox: channel, sender: randomId(), id: randomId(), body });
    const kept = await publish('kept');
    await post('kept');
    const attachment = await mailboxes.attach(channel);
    await cp(now, older, { recursive: true });
    const lost = await publish('lost');
    await post('lost');
    await first.kill();
    await rm(now, { recursive: true });
    await rename(older, now);
    const second = await startRedis({
      dir: now,
      port: first.port,
      password: new URL(first.url).password,
    });
    await until(() => relay.commands.roundTripMs !== undefined, { what: 'the relay', timeoutMs: 10_000 });
    const after = await publish('after');
    assert.equal([after.position.offset, after.position.epoch === kept.position.epoch], [1, false]);
    for (const { position } of [kept, lost]) {
      const page = await broker.read(channel, position);
      assert.equal([page.gap, page.publications.map(({ body }) => body)], ['epoch', ['after']]);
    }
    const page = await mailboxes.read(channel, 0);
    assert.is.not(page.epoch, attachment.epoch);
    assert.equal(
      page.items.map(({ body }) => body),
      ['kept'],
    );
    assert.is(await mailboxes.ack(attachment, [[1, 2]]), 'over');
    relay.close();
    await second.stop();
    await rm(dir, { recursive: true });
  });
}, 20_000);

import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { PARTITION_TAGS, partitionOf, tagIn } from '../adapters/partitions.ts';
import type { Relay } from '../adapters/redis-relay.ts';
import { type Carrier, openOn, type StartCarrier } from './relays.ts';

/** Registry, Redemptions, Control, and announcements over all partitions. */
export function describeRedisRest(name: string, startCarrier: StartCarrier): void {
  describe(`registry, redemptions, control on ${name}`, ({ test, before, after }) => {
    let carrier: Carrier;
    let [a, b]: Relay[] = [];
    const relays = () => {
      if (a === undefined || b === undefined) throw new Error('No relays');
      return [a, b] as const;
    };
    before(async () => {
      carrier = await startCarrier();
      [a, b] = await Promise.all([openOn(carrier.urls), openOn(carrier.urls)]);
    });
    after(async () => {
      a?.close();
      b?.close();
      await carrier.stop();
    });

    test('a node that announced itself is seen by others until it withdraws', async () => {
      const [one, other] = relays();
      const self = { node: randomId(), url: 'ws://a', connections: 3, isDraining: false };
      await one.registry.announce(self);
      assert.equal(
        (await other.registry.nodes()).filter(({ node }) => node === self.node),
        [self],
      );
      await one.registry.withdraw(self.node);
      assert.not((await other.registry.nodes()).some(({ node }) => node === self.node));
    });

    test('of 20 redemptions by two nodes at once, one succeeds', async () => {
      const jti = randomId();
      const all = Array.from({ length: 20 }, (_, i) => relays()[i % 2 === 0 ? 0 : 1]);
      const outcomes = await Promise.all(all.map(({ redemptions }) => redemptions.redeem(jti, 60)));
      assert.is(outcomes.filter(Boolean).length, 1);
    });

    test('a hint reaches every node, the one that gave it as well', async () => {
      const heard: Tag[][] = [[], []];
      const agesMs: number[] = [];
      for (const [i, { control }] of relays().entries())
        await control.listen({
          onHint: (tags, sentAtMs = 0) => {
            heard[i]?.push(...tags);
            agesMs.push(Date.now() - sentAtMs);
          },
          onInterrupted: () => undefined,
        });
      const tag = randomId();
      await relays()[0].control.hint([tag]);
      await until(() => heard.every((tags) => tags.includes(tag)), { what: 'the hint' });
      assert.ok(
        agesMs.every((ms) => ms >= 0 && ms < 60_000),
        agesMs.join(),
      );
    });

    test('what is published in every partition in one tick is accepted and heard on the other node', async () => {
      const [one, other] = relays();
      const channels = PARTITION_TAGS.map((_, partition) => tagIn(partition, randomId().slice(1)));
      const heard = new Set<Tag>();
      other.broker.listen({
        onPublication: (channel) => void heard.add(channel),
        onEphemeral: (channel) => void heard.add(`${channel} ephemeral`),
        onInterrupted: () => undefined,
      });
      await Promise.all(channels.map((channel) => other.broker.subscribe(channel)));
      const accepted = await Promise.all(
        channels.map((channel) => one.broker.publish({ channel, id: randomId(), body: 'x' })),
      );
      assert.ok(accepted.every(({ outcome }) => outcome === 'accepted'));
      await Promise.all(channels.map((channel) => one.broker.announce(channel, 'y')));
      await until(() => heard.size === 2 * PARTITION_TAGS.length, {
        what: 'announcements of every partition',
      });
      assert.is(new Set(channels.map(partitionOf)).size, 64);
    });

    test('commands and announcements have a connection each to every server, and hints of control one more', async () => {
      const connections: string[] = [];
      let control = 0;
      await carrier.everywhere(async (redis) => {
        const list = String(await redis.client('LIST')).split('\n');
        const ours = list.filter((line) => / name=hushwire-(commands|subscriptions) /.test(line));
        assert.is(ours.length, 4, 'two of each relay');
        connections.push(...ours);
        const hints = list.filter((line) => / name=hushwire-control /.test(line));
        for (const line of hints) assert.match(line, / ssub=2 /, 'the hints, and the probe');
        control += hints.length;
      });
      assert.is(control, 2, 'one of each relay, however many servers there are');
      for (const line of connections)
        assert.is(/ ssub=[1-9]/.test(line), line.includes('name=hushwire-subscriptions'), line);
    });

    test('what one tick asks for goes out as one pipeline to each server, history reads among it', async () => {
      const [{ broker, commands }] = relays();
      let servers = 0;
      await carrier.everywhere(async () => {
        servers += 1;
      });
      await until(() => commands.pending === 0, { what: 'a quiet relay' });
      const channels = PARTITION_TAGS.map((_, partition) => tagIn(partition, randomId().slice(1)));
      const answers = channels.flatMap((channel) => [
        broker.read(channel, undefined),
        broker.publish({ channel, id: randomId(), body: 'x' }),
      ]);
      await new Promise((resolve) => setImmediate(resolve));
      assert.is(commands.pending, servers);
      await Promise.all(answers);
    });

    test('a thousand topics are subscribed in few commands, also after the connections were lost', async () => {
      const [one, other] = relays();
      const heard = new Set<Tag>();
      let interruptions = 0;
      other.broker.listen({
        onPublication: () => undefined,
        onEphemeral: (channel) => void heard.add(channel),
        onInterrupted: () => {
          interruptions += 1;
        },
      });
      const channels = Array.from({ length: 1_100 }, (_, i) => tagIn(i % 2, randomId().slice(1)));
      const allHeard = async () => {
        await Promise.all(channels.map((channel) => one.broker.announce(channel, 'y')));
        return heard.size === channels.length;
      };
      await carrier.everywhere((redis) => redis.config('RESETSTAT'));
      await Promise.all(channels.map((channel) => other.broker.subscribe(channel)));
      assert.is(await subscribeCommands(carrier), 4, 'two partitions, 512 to a command');
      await until(allHeard, { what: '1,100 announcements' });
      await carrier.everywhere((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
      await until(() => interruptions > 0, { what: 'the interruption' });
      heard.clear();
      await until(allHeard, { what: '1,100 announcements again' });
      // Each partition of both relays, and no more than a few for the topics.
      const commands = await subscribeCommands(carrier);
      assert.ok(commands < 2 * PARTITION_TAGS.length + 20, `${commands} commands`);
    });
  });
}

/** How many SSUBSCRIBE the servers ran since their statistics were reset. */
async function subscribeCommands(carrier: Carrier): Promise<number> {
  let calls = 0;
  await carrier.everywhere(async (redis) => {
    const info = await redis.info('commandstats');
    calls += Number(/cmdstat_ssubscribe:calls=(\d+)/.exec(info)?.[1] ?? 0);
  });
  return calls;
}

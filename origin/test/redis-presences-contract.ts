import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { LIMITS } from '../../shared/limits.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { relayKey } from '../adapters/partitions.ts';
import type { Relay, RelayOptions } from '../adapters/redis-relay.ts';
import { type Carrier, openOn, type StartCarrier } from './relays.ts';

/** What Presences over Redis promise. */
export function describeRedisPresences(name: string, startCarrier: StartCarrier): void {
  describe(`presences on ${name}`, ({ test, before, after }) => {
    let carrier: Carrier;
    const relays: Relay[] = [];
    const start = async (presence: RelayOptions['presence'] = {}) => {
      const relay = await openOn(carrier.urls, { presence });
      relays.push(relay);
      return relay.presences;
    };
    before(async () => {
      carrier = await startCarrier();
    });
    after(async () => {
      for (const relay of relays) relay.close();
      await carrier.stop();
    });
    const heard = async (channel: Tag, presence: RelayOptions['presence'] = {}) => {
      const events: string[] = [];
      const presences = await start(presence);
      presences.listen({
        onShown: () => events.push('+'),
        onLeaving: (_, member) => events.push(`-${member}`),
        onInterrupted: () => undefined,
      });
      await presences.watch(channel);
      return { presences, events };
    };

    test('who is shown is here, once, and announced once', async () => {
      const [channel, a, b] = [randomId(), randomId(), randomId()];
      const { presences, events } = await heard(channel);
      await presences.show(channel, [a]);
      await presences.show(channel, [a, b]);
      await presences.show(channel, [a, b]);
      const { count, members = [], nextMs = 0 } = await presences.read(channel);
      assert.equal([count, [...members].sort()], [2, [a, b].sort()]);
      assert.ok(nextMs > 55_000 && nextMs <= 60_000, `${nextMs}`);
      await presences.leave(channel, b);
      await until(() => events.length === 3, { what: 'two joins and a leave' });
      assert.equal(events, ['+', '+', `-${b}`]);
    });

    test('nobody is here after the life of a show, and nothing is left of it', async () => {
      const [channel, a] = [randomId(), randomId()];
      const presences = await start({ lifeMs: 150 });
      await presences.show(channel, [a]);
      assert.is((await presences.read(channel)).count, 1);
      await until(async () => (await presences.read(channel)).count === 0, { what: 'the end of its life' });
      await until(async () => (await carrier.raw.exists(relayKey('pres', channel))) === 0, {
        what: 'no key',
      });
    });

    test('a key that nobody reads again ends by itself', async () => {
      const channel = randomId();
      const presences = await start();
      await presences.show(channel, [randomId()]);
      const ms = await carrier.raw.pttl(relayKey('pres', channel));
      assert.ok(ms > 0 && ms <= 60_000, `${ms}`);
    });

    test('who leaves is gone after the grace, and who comes back within it never left', async () => {
      const [channel, a, b] = [randomId(), randomId(), randomId()];
      const { presences, events } = await heard(channel, { graceMs: 150 });
      await presences.show(channel, [a, b]);
      await Promise.all([presences.leave(channel, a), presences.leave(channel, b)]);
      assert.is((await presences.read(channel)).count, 2);
      await presences.show(channel, [b]);
      await until(async () => (await presences.read(channel)).count === 1, { what: 'the end of the grace' });
      assert.equal((await presences.read(channel)).members, [b]);
      assert.is(events.filter((event) => event === '+').length, 1);
    });

    test('leaving twice does not lengthen the grace, and a stranger leaves nothing', async () => {
      const [channel, a] = [randomId(), randomId()];
      const { presences, events } = await heard(channel);
      await presences.show(channel, [a]);
      await presences.leave(channel, a);
      const { nextMs = 0 } = await presences.read(channel);
      await presences.leave(channel, a);
      await presences.leave(channel, randomId());
      assert.ok(((await presences.read(channel)).nextMs ?? 0) <= nextMs);
      assert.is((await presences.read(channel)).count, 1);
      await until(() => events.length === 2, { what: 'a join and a leave' });
    });

    test('names come up to the bound, and only the count beyond it', async () => {
      const channel = randomId();
      const presences = await start();
      const crowd = Array.from({ length: LIMITS.presenceNames }, () => randomId());
      await presences.show(channel, crowd);
      assert.is((await presences.read(channel)).members?.length, LIMITS.presenceNames);
      await presences.show(channel, [randomId()]);
      const { count, members } = await presences.read(channel);
      assert.equal([count, members], [LIMITS.presenceNames + 1, undefined]);
    });

    test('a full channel takes no more, and renews those it has', async () => {
      const [channel, a, b, c] = [randomId(), randomId(), randomId(), randomId()];
      const presences = await start({ maxPresent: 2 });
      assert.equal(await presences.show(channel, [a, b, c]), [c]);
      assert.equal(await presences.show(channel, [c, a]), [c]);
      assert.is((await presences.read(channel)).count, 2);
    });
  });
}

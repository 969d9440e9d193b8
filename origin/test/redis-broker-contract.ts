import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { relayKey } from '../adapters/partitions.ts';
import type { Relay, RelayOptions } from '../adapters/redis-relay.ts';
import { describeBroker } from './broker-contract.ts';
import { type Carrier, openOn, type StartCarrier } from './relays.ts';

/** The Broker's contract, and what only a Broker over Redis promises. */
export function describeRedisBroker(name: string, startCarrier: StartCarrier): void {
  describeBroker(name, async () => {
    const carrier = await startCarrier();
    const relay = await openOn(carrier.urls);
    return {
      broker: relay.broker,
      stop: async () => {
        relay.close();
        await carrier.stop();
      },
    };
  });

  describe(`broker on ${name}`, ({ test, before, after }) => {
    let carrier: Carrier;
    let raw: Carrier['raw'];
    const relays: Relay[] = [];
    const start = async (options: Partial<RelayOptions> = {}) => {
      const relay = await openOn(carrier.urls, options);
      relays.push(relay);
      return relay.broker;
    };
    before(async () => {
      carrier = await startCarrier();
      raw = carrier.raw;
    });
    after(async () => {
      for (const relay of relays) relay.close();
      await carrier.stop();
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

    test('a log that is written to all the time loses what is older than its hours, and tells a late reader', async () => {
      const startMs = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
      let hour = 0;
      const broker = await start({ now: () => startMs + hour * 3_600_000 + 60_000, retentionHours: 8 });
      const channel = randomId();
      const begin = (await broker.read(channel, undefined)).head;
      for (; hour < 30; hour += 1)
        for (let i = 0; i < 40; i += 1) await broker.publish({ channel, id: randomId(), body: `${hour}` });
      hour = 29;
      const page = await broker.read(channel, begin);
      const oldest = Number(page.publications[0]?.body);
      assert.is(page.gap, 'trimmed');
      assert.ok(oldest >= 29 - 9 && oldest <= 29 - 8, `the oldest is of hour ${oldest}`);
      const kept = (30 - oldest) * 40;
      assert.is(await raw.xlen(relayKey('log', channel)), kept);
      assert.is(await raw.hget(relayKey('head', channel), 'b'), String(kept * 2));
      const marks = (await raw.hget(relayKey('head', channel), 'm'))?.split(' ').map(Number) ?? [];
      assert.ok(marks.length <= 20, `${marks.length / 2} marks`);
      assert.ok(
        marks.every((mark, i) => i % 2 === 1 || mark % 3_600 === 0),
        'no finer time than an hour',
      );
      hour = 34;
      const later = await broker.read(channel, begin);
      assert.ok(
        Number(later.publications[0]?.body) >= 34 - 9,
        'what is too old is told to nobody before it is trimmed',
      );
      assert.is(later.gap, 'trimmed');
    });

    test('much that grew old together goes a part at a time, and none of it is read meanwhile', async () => {
      const startMs = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
      let hour = 0;
      const broker = await start({ now: () => startMs + hour * 3_600_000 + 60_000, retentionHours: 8 });
      const channel = randomId();
      const publish = (body: string) => broker.publish({ channel, id: randomId(), body });
      const first = await publish('old');
      await Promise.all(Array.from({ length: 900 }, () => publish('old')));
      hour = 7;
      await publish('young');
      hour = 10;
      const lengths: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        await publish('new');
        lengths.push(await raw.xlen(relayKey('log', channel)));
        const { publications, gap } = await broker.read(channel, first.position);
        assert.equal([publications[0]?.body, publications.length, gap], ['young', i + 2, 'trimmed']);
      }
      assert.equal(lengths, [901 + 2 - 256, 901 + 3 - 512, 901 + 4 - 768, 5, 6]);
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

    test('ids are remembered while their publication is in the log, and for at least ten minutes', async () => {
      let now = Date.now();
      const broker = await start({ now: () => now, maxPublications: 100 });
      const channel = randomId();
      const id = randomId();
      const publish = (as = randomId()) => broker.publish({ channel, id: as, body: 'x' });
      const { position } = await publish(id);
      const isKnown = async (as: string) => (await publish(as)).outcome === 'duplicate';
      for (let i = 0; i < 20; i += 1) {
        now += 25 * 60_000;
        await publish();
        assert.equal(await publish(id), { outcome: 'duplicate', position }, `after ${i + 1} × 25 minutes`);
      }
      const late = randomId();
      await publish(late);
      for (let i = 0; i < 140; i += 1) await publish();
      now += 9.9 * 60_000;
      await publish();
      assert.ok(await isKnown(late), 'no longer in the log, for less than ten minutes');
      for (let i = 0; i < 4; i += 1) {
        for (let n = 0; n < 140; n += 1) await publish();
        now += 10 * 60_000;
      }
      assert.equal([await isKnown(late), await isKnown(id)], [false, false]);
    });

    test('a flood is forgotten sooner: of the newest 5,000 ids none, and no more than twice as many are kept', async () => {
      const broker = await start({ maxPublications: 100 });
      const channel = randomId();
      const ids = Array.from({ length: 11_000 }, () => randomId());
      await Promise.all(ids.map((id) => broker.publish({ channel, id, body: 'x' })));
      const kept = await Promise.all(['seen', 'seenold'].map((kind) => raw.hlen(relayKey(kind, channel))));
      assert.ok(Math.max(...kept) <= 5_000 + 200, `${kept}`);
      assert.is(
        (await broker.publish({ channel, id: ids.at(-5_000) ?? '', body: 'x' })).outcome,
        'duplicate',
      );
      assert.is((await broker.publish({ channel, id: ids[0] ?? '', body: 'x' })).outcome, 'accepted');
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
      await carrier.everywhere((redis) => redis.script('FLUSH'));
      const { position } = await broker.publish({ channel, id: randomId(), body: 'x' });
      assert.is(position.offset, 1);
      assert.is((await broker.read(channel, undefined)).head.offset, 1);
    });

    test('a full Redis refuses with unavailable and takes nothing', async () => {
      const broker = await start();
      const channel = randomId();
      await broker.publish({ channel, id: randomId(), body: 'x' });
      await carrier.everywhere((redis) => redis.config('SET', 'maxmemory', '1'));
      try {
        await rejectsWith(broker.publish({ channel, id: randomId(), body: 'y' }), 'unavailable');
      } finally {
        await carrier.everywhere((redis) => redis.config('SET', 'maxmemory', '0'));
      }
      assert.is((await broker.read(channel, undefined)).head.offset, 1);
    });
  }, 20_000);
}

import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { relayKey } from '../adapters/partitions.ts';
import type { Relay, RelayOptions } from '../adapters/redis-relay.ts';
import type { Mailboxes } from '../ports.ts';
import { type Carrier, openOn, type StartCarrier } from './relays.ts';

/** What Mailboxes over Redis promise. */
export function describeRedisMailboxes(name: string, startCarrier: StartCarrier): void {
  describe(`mailboxes on ${name}`, ({ test, before, after }) => {
    let carrier: Carrier;
    let raw: Carrier['raw'];
    const relays: Relay[] = [];
    const start = async (options: Partial<RelayOptions> = {}): Promise<Mailboxes> => {
      const relay = await openOn(carrier.urls, options);
      relays.push(relay);
      return relay.mailboxes;
    };
    before(async () => {
      carrier = await startCarrier();
      raw = carrier.raw;
    });
    after(async () => {
      for (const relay of relays) relay.close();
      await carrier.stop();
    });

    const sender = randomId();
    const post = (boxes: Mailboxes, mailbox: Tag, body: string, id = randomId(), from = sender) =>
      boxes.post({ mailbox, sender: from, id, body });

    test('items are numbered from 1 and read in order, page by page', async () => {
      const boxes = await start();
      const mailbox = randomId();
      for (let i = 1; i <= 40; i += 1)
        assert.equal(await post(boxes, mailbox, `b${i}`), { outcome: 'queued', seq: i });
      const first = await boxes.read(mailbox, 0);
      assert.is(first.items.length, 32);
      const rest = await boxes.read(mailbox, 32);
      assert.equal(
        [...first.items, ...rest.items].map(({ seq, body }) => `${seq}${body}`),
        Array.from({ length: 40 }, (_, i) => `${i + 1}b${i + 1}`),
      );
    });

    test('a page is bounded by bytes and never empty', async () => {
      const boxes = await start();
      const mailbox = randomId();
      for (let i = 0; i < 4; i += 1) await post(boxes, mailbox, 'x'.repeat(120_000));
      assert.is((await boxes.read(mailbox, 0)).items.length, 2);
      await post(boxes, mailbox, 'x'.repeat(300_000));
      assert.is((await boxes.read(mailbox, 4)).items.length, 1);
    });

    test('the same id is queued once, also by 50 at a time', async () => {
      const boxes = await start();
      const mailbox = randomId();
      const id = randomId();
      const all = await Promise.all(Array.from({ length: 50 }, () => post(boxes, mailbox, 'x', id)));
      assert.is(all.filter(({ outcome }) => outcome === 'queued').length, 1);
      assert.is(all.filter(({ outcome }) => outcome === 'known').length, 49);
      assert.is((await boxes.read(mailbox, 0)).items.length, 1);
    });

    test('ack deletes single items and ranges, and nothing else', async () => {
      const boxes = await start();
      const mailbox = randomId();
      for (let i = 0; i < 10; i += 1) await post(boxes, mailbox, `b${i}`);
      const attachment = await boxes.attach(mailbox);
      const ranges: [number, number][] = [
        [1, 1],
        [3, 5],
        [9, 99],
      ];
      assert.is(await boxes.ack(attachment, ranges), 'deleted');
      const left = (await boxes.read(mailbox, 0)).items.map(({ seq }) => seq);
      assert.equal(left, [2, 6, 7, 8]);
      assert.is(await raw.hget(relayKey('boxhead', mailbox), 'c'), '4');
      assert.is(await raw.hget(relayKey('boxhead', mailbox), 'b'), '8');
    });

    test('only the newest attachment may ack, and older ones are told', async () => {
      const [older, newer] = [await start(), await start()];
      const mailbox = randomId();
      await post(older, mailbox, 'x');
      const fences: number[] = [];
      older.listen({
        onItem: () => undefined,
        onAttached: (_, fence) => void fences.push(fence),
        onInterrupted: () => undefined,
      });
      await older.watch(mailbox);
      const first = await older.attach(mailbox);
      const second = await newer.attach(mailbox);
      assert.is(await older.ack(first, [[1, 1]]), 'superseded');
      assert.is((await newer.read(mailbox, 0)).items.length, 1);
      assert.is(await newer.ack(second, [[1, 1]]), 'deleted');
      await until(() => fences.includes(second.fence), { what: 'the newer fence' });
    });

    test('a watcher hears of an item after the item is there', async () => {
      const boxes = await start();
      const mailbox = randomId();
      let heard = 0;
      boxes.listen({
        onItem: () => {
          heard += 1;
        },
        onAttached: () => undefined,
        onInterrupted: () => undefined,
      });
      await boxes.watch(mailbox);
      await post(boxes, mailbox, 'x');
      await until(() => heard === 1, { what: 'the announcement' });
      boxes.unwatch(mailbox);
    });

    test('quota by count and by bytes is told, and an ack makes room', async () => {
      const boxes = await start({ maxMailboxItems: 3, maxMailboxBytes: 100 });
      const mailbox = randomId();
      for (let i = 0; i < 3; i += 1) await post(boxes, mailbox, 'x');
      assert.equal(await post(boxes, mailbox, 'x'), { outcome: 'mailbox_full' });
      await boxes.ack(await boxes.attach(mailbox), [[1, 3]]);
      assert.is((await post(boxes, mailbox, 'x'.repeat(100))).outcome, 'queued');
      assert.equal(await post(boxes, mailbox, 'x'), { outcome: 'mailbox_full' });
    });

    test('one sender fills only its share', async () => {
      const boxes = await start();
      const mailbox = randomId();
      const outcomes = new Set<string>();
      for (let i = 0; i < 128; i += 1) outcomes.add((await post(boxes, mailbox, 'x')).outcome);
      assert.equal([...outcomes], ['queued']);
      assert.equal(await post(boxes, mailbox, 'x'), { outcome: 'sender_full' });
      assert.is((await post(boxes, mailbox, 'x', randomId(), randomId())).outcome, 'queued');
      await boxes.ack(await boxes.attach(mailbox), [[1, 1]]);
      assert.is((await post(boxes, mailbox, 'x')).outcome, 'queued');
    });

    test('items vanish when their time is over, and their room is free again', async () => {
      let now = Date.now();
      const boxes = await start({ now: () => now, maxMailboxItems: 2, mailboxRetentionHours: 2 });
      const mailbox = randomId();
      await post(boxes, mailbox, 'old');
      now += 2 * 3_600_000;
      assert.is((await post(boxes, mailbox, 'young')).outcome, 'queued');
      now += 3_600_000;
      const { items } = await boxes.read(mailbox, 0);
      assert.equal(
        items.map(({ body }) => body),
        ['young'],
      );
      assert.is(await raw.hget(relayKey('boxhead', mailbox), 'c'), '1');
    });

    test('everything expires at a whole hour, the box with its last item', async () => {
      const boxes = await start({ mailboxRetentionHours: 5 });
      const mailbox = randomId();
      await post(boxes, mailbox, 'x');
      await boxes.attach(mailbox);
      const expiryOf = async (kind: string) => Number(await raw.call('EXPIRETIME', relayKey(kind, mailbox)));
      const box = await expiryOf('box');
      assert.is(box, (Math.ceil(Date.now() / 3_600_000) + 5) * 3_600);
      assert.is(await expiryOf('boxfrom'), box);
      assert.is(await expiryOf('boxhead'), box + 30 * 24 * 3_600);
    });

    test('after another server life what is left is delivered, under a new epoch, and old acks delete nothing', async () => {
      let now = Date.now();
      const boxes = await start({ now: () => now });
      const mailbox = randomId();
      await post(boxes, mailbox, 'kept');
      await post(boxes, mailbox, 'kept too');
      const before = await boxes.attach(mailbox);
      // What a failover to a replica that lags leaves: an older head, under the id of another server.
      await raw.hset(relayKey('boxhead', mailbox), { run: 'f'.repeat(40), q: 1, c: 1, b: 4 });
      now += 1_000;
      assert.is(await boxes.ack(before, [[1, 2]]), 'over');
      const page = await boxes.read(mailbox, 0);
      assert.is.not(page.epoch, before.epoch);
      assert.equal(
        page.items.map(({ body }) => body),
        ['kept', 'kept too'],
      );
      assert.equal(await post(boxes, mailbox, 'new'), { outcome: 'queued', seq: 3 });
      assert.is(await boxes.ack(await boxes.attach(mailbox), [[1, 3]]), 'deleted');
      assert.is(await raw.hget(relayKey('boxhead', mailbox), 'b'), '0');
    });

    test('an id that was queued in a life that is over is still known', async () => {
      const boxes = await start();
      const mailbox = randomId();
      const [id, acked] = [randomId(), randomId()];
      await post(boxes, mailbox, 'gone', acked);
      await post(boxes, mailbox, 'there', id);
      await boxes.ack(await boxes.attach(mailbox), [[1, 1]]);
      await raw.hset(relayKey('boxhead', mailbox), { run: 'f'.repeat(40) });
      assert.equal(await post(boxes, mailbox, 'there', id), { outcome: 'known', seq: 2 });
      assert.equal(await post(boxes, mailbox, 'gone', acked), { outcome: 'known', seq: 1 });
      assert.is((await boxes.read(mailbox, 0)).items.length, 1);
    });

    /** What a restart that lost the newest writes leaves: an older head, under the id of another server. */
    const loseTail = (mailbox: Tag, fence: number) =>
      raw.hset(relayKey('boxhead', mailbox), { run: 'f'.repeat(40), fence, own: fence });

    for (const isOlderFirst of [true, false])
      test(`after another server life the newest connection owns the mailbox, ${isOlderFirst ? 'also when an older asks' : 'and asks'} first`, async () => {
        const boxes = await start();
        const mailbox = randomId();
        const older = await boxes.attach(mailbox);
        const newer = await boxes.attach(mailbox);
        await loseTail(mailbox, older.fence);
        const first = await boxes.claim(isOlderFirst ? older : newer);
        const second = await boxes.claim(isOlderFirst ? newer : older);
        const [byOlder, byNewer] = isOlderFirst ? [first, second] : [second, first];
        assert.is(byNewer?.fence, newer.fence);
        if (byNewer !== undefined) assert.is(await boxes.ack(byNewer, [[1, 1]]), 'deleted');
        assert.is(byOlder === undefined, !isOlderFirst);
        if (byOlder !== undefined) assert.is(await boxes.ack(byOlder, [[1, 1]]), 'superseded');
      });

    test('a connection that attached in a new life is newer than any of the one before', async () => {
      const boxes = await start();
      const mailbox = randomId();
      for (let i = 0; i < 3; i += 1) await boxes.attach(mailbox);
      const before = await boxes.attach(mailbox);
      await raw.del(relayKey('boxhead', mailbox));
      const fresh = await boxes.attach(mailbox);
      assert.is(await boxes.claim(before), undefined);
      assert.is(await boxes.ack(fresh, [[1, 1]]), 'deleted');
    });
  }, 20_000);
}

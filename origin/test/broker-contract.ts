import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { Broker, LoggedPublication } from '../ports.ts';

export interface BrokerUnderTest {
  readonly broker: Broker;
  stop(): Promise<void>;
}

/** What every Broker must do, whatever carries it. `start` is called once. */
export function describeBroker(name: string, start: () => Promise<BrokerUnderTest>): void {
  describe(`broker contract on ${name}`, ({ test, before, after }) => {
    let running: BrokerUnderTest;
    const ephemeral: string[] = [];
    const received = new Map<Tag, LoggedPublication[]>();
    before(async () => {
      running = await start();
      running.broker.listen({
        onPublication: (channel, publication) => {
          received.set(channel, [...(received.get(channel) ?? []), publication]);
        },
        onEphemeral: (channel, body) => {
          ephemeral.push(`${channel} ${body}`);
        },
        onInterrupted: () => undefined,
      });
    });
    after(() => running.stop());

    const publish = (channel: Tag, body: string, id = randomId()) =>
      running.broker.publish({ channel, id, body });

    test('publish numbers from 1 without holes in one epoch', async () => {
      const channel = randomId();
      const accepted = await Promise.all(['a', 'b', 'c'].map((body) => publish(channel, body)));
      assert.equal(
        accepted.map(({ position }) => position.offset),
        [1, 2, 3],
      );
      assert.is(new Set(accepted.map(({ position }) => position.epoch)).size, 1);
    });

    test('publish with a known id answers the first position and appends nothing', async () => {
      const channel = randomId();
      const id = randomId();
      const first = await publish(channel, 'a', id);
      await publish(channel, 'b');
      const again = await publish(channel, 'a', id);
      assert.equal(again, { outcome: 'duplicate', position: first.position });
      assert.is((await running.broker.read(channel, undefined)).head.offset, 2);
    });

    test('the same id twice in one tick is appended once', async () => {
      const channel = randomId();
      const id = randomId();
      const both = await Promise.all([publish(channel, 'a', id), publish(channel, 'a', id)]);
      assert.equal(
        both.map(({ position, outcome }) => [position.offset, outcome]),
        [
          [1, 'accepted'],
          [1, 'duplicate'],
        ],
      );
    });

    test('the same id in another channel is another publication', async () => {
      const id = randomId();
      const both = await Promise.all([publish(randomId(), 'a', id), publish(randomId(), 'a', id)]);
      assert.equal(
        both.map(({ outcome }) => outcome),
        ['accepted', 'accepted'],
      );
    });

    test('a conditional publish needs the position of the last one, and ordinary chatter does not disturb it', async () => {
      const channel = randomId();
      const { head } = await running.broker.read(channel, undefined);
      const commit = (offset: number, id = randomId(), epoch = head.epoch) =>
        running.broker.publish({ channel, id, body: 'commit', ifCommit: { epoch, offset } });
      await publish(channel, 'chatter');
      const id = randomId();
      const first = await commit(0, id);
      assert.equal([first.outcome, first.position.offset], ['accepted', 2]);
      await publish(channel, 'chatter');
      const late = await commit(0);
      assert.equal([late.outcome, late.position.offset], ['conflict', 2]);
      assert.equal(await commit(0, id), { outcome: 'duplicate', position: first.position });
      assert.is((await commit(2, randomId(), 'other-epoch')).outcome, 'conflict');
      assert.equal((await commit(2)).position.offset, 4);
      assert.is((await running.broker.read(channel, undefined)).head.offset, 4);
    });

    test('of 100 racing conditional publishes one wins, whose retry is no conflict, and the others learn its position', async () => {
      const channel = randomId();
      const { head } = await running.broker.read(channel, undefined);
      const race = Array.from({ length: 100 }, (_, i) => ({
        channel,
        id: randomId(),
        body: `b${i}`,
        ifCommit: head,
      }));
      const publishAll = () => Promise.all(race.map((outgoing) => running.broker.publish(outgoing)));
      const outcomes = await publishAll();
      assert.is(outcomes.filter(({ outcome }) => outcome === 'accepted').length, 1);
      assert.is(outcomes.filter(({ outcome }) => outcome === 'conflict').length, 99);
      assert.equal([...new Set(outcomes.map(({ position }) => position.offset))], [1]);
      const again = (await publishAll()).map(({ outcome }) => outcome);
      assert.equal(
        again,
        outcomes.map(({ outcome }) => (outcome === 'accepted' ? 'duplicate' : 'conflict')),
      );
    });

    test('what is announced without a log arrives and is not in the log', async () => {
      const channel = randomId();
      await running.broker.subscribe(channel);
      await running.broker.announce(channel, 'typing');
      await until(() => ephemeral.includes(`${channel} typing`), { what: 'the announcement' });
      assert.is((await running.broker.read(channel, undefined)).head.offset, 0);
      assert.not(received.has(channel));
    });

    test('read gives the head of a channel that was never published to', async () => {
      const { head, start: begin, publications, gap } = await running.broker.read(randomId(), undefined);
      assert.is(head.offset, 0);
      assert.equal(begin, head);
      assert.equal([publications.length, gap], [0, undefined]);
    });

    test('read keeps the epoch it told', async () => {
      const channel = randomId();
      const { head } = await running.broker.read(channel, undefined);
      const { position } = await publish(channel, 'a');
      assert.is(position.epoch, head.epoch);
      assert.is((await running.broker.read(channel, head)).gap, undefined);
    });

    test('read after a position gives exactly what follows', async () => {
      const channel = randomId();
      const [, second] = await Promise.all(['a', 'b', 'c', 'd'].map((body) => publish(channel, body)));
      const page = await running.broker.read(channel, second?.position);
      assert.equal(
        page.publications.map(({ position, body }) => [position.offset, body]),
        [
          [3, 'c'],
          [4, 'd'],
        ],
      );
      assert.is(page.gap, undefined);
    });

    test('read at the head gives nothing and no gap', async () => {
      const channel = randomId();
      const { position } = await publish(channel, 'a');
      const page = await running.broker.read(channel, position);
      assert.equal([page.publications.length, page.gap], [0, undefined]);
    });

    test('read with a foreign epoch tells the gap and gives all that remains', async () => {
      const channel = randomId();
      await publish(channel, 'a');
      const page = await running.broker.read(channel, { epoch: 'some-other', offset: 7 });
      assert.equal([page.gap, page.start.offset, page.publications.length], ['epoch', 0, 1]);
    });

    test('read beyond the head tells the gap', async () => {
      const channel = randomId();
      const { position } = await publish(channel, 'a');
      const page = await running.broker.read(channel, { epoch: position.epoch, offset: 99 });
      assert.equal([page.gap, page.start.offset, page.publications.length], ['epoch', 0, 1]);
    });

    test('announcements arrive in order after subscribe resolved', async () => {
      const channel = randomId();
      await publish(channel, 'before');
      await running.broker.subscribe(channel);
      for (let batch = 0; batch < 5; batch += 1)
        await Promise.all(Array.from({ length: 20 }, (_, i) => publish(channel, `${batch}-${i}`)));
      await until(() => received.get(channel)?.length === 100, { what: '100 announcements' });
      const got = received.get(channel) ?? [];
      assert.equal(
        got.map(({ position }) => position.offset),
        Array.from({ length: 100 }, (_, i) => i + 2),
      );
      assert.is(got[0]?.body, '0-0');
    });

    test('announcements of other channels do not arrive', async () => {
      const mine = randomId();
      const other = randomId();
      await running.broker.subscribe(mine);
      await publish(other, 'x');
      await publish(mine, 'y');
      await until(() => received.has(mine), { what: 'the announcement' });
      assert.not(received.has(other));
    });

    test('announcements stop after unsubscribe', async () => {
      const channel = randomId();
      const witness = randomId();
      await Promise.all([running.broker.subscribe(channel), running.broker.subscribe(witness)]);
      running.broker.unsubscribe(channel);
      // A read on the same broker orders the unsubscribe before the publications that follow.
      await running.broker.subscribe(randomId());
      await publish(channel, 'x');
      await publish(witness, 'y');
      await until(() => received.has(witness), { what: 'the witness' });
      assert.not(received.has(channel));
    });
  });
}

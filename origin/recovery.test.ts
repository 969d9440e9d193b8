import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { encodePublicationBody, parseServerFrame } from '../shared/codec.ts';
import { isFailure } from '../shared/failure.ts';
import type { PublicationFrame, ServerFrame } from '../shared/frame.ts';
import { LIMITS } from '../shared/limits.ts';
import type { Position } from '../shared/position.ts';
import { until } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { Hub } from './hub.ts';
import type { Socket } from './ports.ts';
import { Subscriptions } from './subscriptions.ts';
import { MemoryBroker } from './test/memory-broker.ts';

const CHANNEL = 'C'.repeat(22);
const MEMBER = 'M'.repeat(22);
const idOf = (n: number) => `message-${String(n).padStart(12, '0')}`;

describe('recovery', ({ test }) => {
  test('begins at the head without a position', async () => {
    const node = createNode();
    await node.publish(1, 2);
    const reader = node.reader();
    assert.is((await reader.join()).offset, 2);
    await node.publish(3);
    assert.equal(reader.offsets(), [3]);
  });

  test('replays what follows the position, page by page, and then joins', async () => {
    const node = createNode();
    node.broker.pageSize = 2;
    await node.publish(1, 2, 3, 4, 5, 6, 7);
    const epoch = await node.epoch();
    const reader = node.reader();
    assert.is((await reader.join({ epoch, offset: 2 })).offset, 7);
    await node.publish(8);
    assert.equal(reader.offsets(), [3, 4, 5, 6, 7, 8]);
  });

  test('joins where the feed stands when the log is already ahead of it', async () => {
    const node = createNode();
    const first = node.reader();
    await first.join();
    node.broker.isAnnouncing = false;
    await node.publish(1, 2, 3);
    const second = node.reader();
    await second.join({ epoch: await node.epoch(), offset: 0 });
    node.broker.deliver();
    assert.equal(first.offsets(), [1, 2, 3]);
    assert.equal(second.offsets(), [1, 2, 3]);
  });

  test('a reader ahead of this node gets no repeat', async () => {
    const node = createNode();
    const first = node.reader();
    await first.join();
    node.broker.isAnnouncing = false;
    await node.publish(1, 2, 3);
    const ahead = node.reader();
    await ahead.join({ epoch: await node.epoch(), offset: 3 });
    node.broker.deliver();
    await node.publish(4);
    node.broker.deliver();
    assert.equal(first.offsets(), [1, 2, 3, 4]);
    assert.equal(ahead.offsets(), [4]);
  });

  test('tells the gap before anything that follows it, when the log was trimmed', async () => {
    const node = createNode();
    await node.publish(1, 2, 3, 4);
    node.broker.trim(CHANNEL, 2);
    const reader = node.reader();
    const epoch = await node.epoch();
    await reader.join({ epoch, offset: 1 });
    assert.equal(reader.frames[0], {
      type: 'gap',
      channel: CHANNEL,
      position: { epoch, offset: 2 },
      reason: 'trimmed',
    });
    assert.equal(reader.offsets(), [3, 4]);
  });

  test('tells the gap when the epoch is another one, and gives what remains', async () => {
    const node = createNode();
    await node.publish(1, 2);
    const old = await node.epoch();
    node.broker.loseData(CHANNEL);
    await node.publish(3);
    const reader = node.reader();
    await reader.join({ epoch: old, offset: 2 });
    assert.equal(
      reader.frames.map(({ type }) => type),
      ['gap', 'publication'],
    );
  });

  test('a lost announcement is read from the log and nothing is repeated', async () => {
    const node = createNode();
    const reader = node.reader();
    await reader.join();
    await node.publish(1);
    node.broker.isAnnouncing = false;
    await node.publish(2, 3);
    node.broker.announcements.length = 0;
    await node.publish(4);
    node.broker.deliver();
    await until(() => reader.offsets().length === 4, { what: 'the repair' });
    assert.equal(reader.offsets(), [1, 2, 3, 4]);
  });

  test('an interrupted subscription is repaired without a further announcement', async () => {
    const node = createNode();
    const reader = node.reader();
    await reader.join();
    node.broker.isAnnouncing = false;
    await node.publish(1, 2);
    node.broker.announcements.length = 0;
    node.broker.interrupt();
    await until(() => reader.offsets().length === 2, { what: 'the repair' });
  });

  test('new epoch on a live channel is told to everybody as a gap', async () => {
    const node = createNode();
    const reader = node.reader();
    await reader.join();
    await node.publish(1, 2);
    node.broker.loseData(CHANNEL);
    await node.publish(3);
    await until(() => reader.frames.some(({ type }) => type === 'gap'), { what: 'the gap' });
    assert.equal(
      reader.frames.map(({ type }) => type),
      ['publication', 'publication', 'gap', 'publication'],
    );
  });

  test('repair outlasts an absent relay', async () => {
    const node = createNode();
    const reader = node.reader();
    await reader.join();
    node.broker.isAnnouncing = false;
    await node.publish(1);
    node.broker.announcements.length = 0;
    node.broker.isAway = true;
    const reads = node.broker.reads;
    node.broker.interrupt();
    await until(() => node.broker.reads >= reads + 3, { what: 'three tries' });
    node.broker.isAway = false;
    await until(() => reader.offsets().length === 1, { what: 'the repair' });
  });

  test('subscribe with the relay away fails and leaves nothing behind', async () => {
    const node = createNode();
    node.broker.isAway = true;
    const reader = node.reader();
    await reader.join().then(
      () => assert.unreachable(),
      (error: unknown) => assert.ok(isFailure(error, 'unavailable')),
    );
    assert.is(node.hub.channels, 0);
    node.broker.isAway = false;
    await reader.join();
  });

  test('the last reader to leave ends the relay subscription', async () => {
    const node = createNode();
    const [first, second] = [node.reader(), node.reader()];
    await Promise.all([first.join(), second.join()]);
    first.subscriptions.remove(CHANNEL);
    assert.ok(node.broker.isSubscribed(CHANNEL));
    second.subscriptions.removeAll();
    assert.not(node.broker.isSubscribed(CHANNEL));
    assert.is(node.hub.channels, 0);
  });

  test('any interleaving of publishing, announcing, losing and joining gives every reader every message once', async () => {
    const step = fc.constantFrom('publish', 'announce', 'lose', 'join', 'tick', 'interrupt');
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const node = createNode();
      node.broker.isAnnouncing = false;
      node.broker.pageSize = 2;
      const epoch = await node.epoch();
      const readers: ReturnType<typeof node.reader>[] = [];
      let published = 0;
      for (const action of steps) {
        if (action === 'publish') {
          published += 1;
          await node.publish(published);
        }
        if (action === 'announce') node.broker.deliver();
        if (action === 'lose') node.broker.announcements.shift();
        if (action === 'interrupt') node.broker.interrupt();
        if (action === 'tick') await Promise.resolve();
        if (action === 'join') {
          const reader = node.reader();
          readers.push(reader);
          void reader.join({ epoch, offset: 0 });
        }
      }
      node.broker.deliver();
      node.broker.interrupt();
      const expected = Array.from({ length: published }, (_, i) => i + 1);
      for (const reader of readers) {
        await until(() => reader.offsets().length >= published, {
          what: `all messages (${steps.join(' ')})`,
        });
        assert.equal(reader.offsets(), expected);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });
}, 30_000);

function createNode() {
  const broker = new MemoryBroker();
  const joined = new Set<FakeSocket>();
  const hub = new Hub({
    broker,
    fanOut: (_channel, text) => {
      for (const socket of joined) socket.send(text);
    },
    wait: () => new Promise((resolve) => setImmediate(resolve)),
    onGap: () => undefined,
    onRepair: () => undefined,
  });
  return {
    broker,
    hub,
    epoch: async () => (await broker.read(CHANNEL, undefined)).head.epoch,
    publish: async (...numbers: number[]) => {
      for (const n of numbers)
        await broker.publish({
          channel: CHANNEL,
          id: idOf(n),
          body: encodePublicationBody(CHANNEL, idOf(n), MEMBER, 'eA'),
        });
    },
    reader: () => createReader(hub, broker, joined),
  };
}

function createReader(hub: Hub, broker: MemoryBroker, joined: Set<FakeSocket>) {
  const socket = new FakeSocket(joined);
  const subscriptions = new Subscriptions(socket, {
    hub,
    broker,
    limits: LIMITS,
    onReplayed: () => undefined,
    onGap: () => undefined,
  });
  return {
    frames: socket.frames,
    subscriptions,
    join: (position?: Position) => subscriptions.add(CHANNEL, position),
    offsets: () =>
      socket.frames
        .filter((frame): frame is PublicationFrame => frame.type === 'publication')
        .map(({ offset }) => offset),
  };
}

/** Records what a connection would send; joining is membership in a set, as in the library's topics. */
class FakeSocket implements Socket {
  readonly frames: ServerFrame[] = [];
  readonly #joined: Set<FakeSocket>;

  constructor(joined: Set<FakeSocket>) {
    this.#joined = joined;
  }

  send(text: string): 'sent' {
    const frame = parseServerFrame(text);
    if (frame === undefined || frame === 'unknown') throw new Error(`Cannot parse ${text}`);
    this.frames.push(frame);
    return 'sent';
  }

  bufferedBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  join(): void {
    this.#joined.add(this);
  }

  leave(): void {
    this.#joined.delete(this);
  }

  close(): void {
    this.#joined.delete(this);
  }
}

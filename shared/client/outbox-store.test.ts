import * as assert from 'uvu/assert';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import type { ClientEvents, ClientOptions } from './options.ts';
import { memoryOutbox, type OutboxStore } from './outbox-store.ts';
import { settled, until } from './test/manual-clock.ts';
import { answerSubscribe, at, begin as beginRig, type Rig, reconnect, setUp, subscribe } from './test/rig.ts';
import { tagOf } from './test/scripted-socket.ts';

const ids = (...names: string[]) => names.map(tagOf);
const publishes = (rig: Rig) =>
  rig.socket().sent.flatMap((frame) => (frame.type === 'publish' ? [frame] : []));
const sentIds = (rig: Rig) => publishes(rig).map(({ id }) => id);
const heldIds = async (store: OutboxStore) => (await store.load()).map(({ id }) => id);
const sends = (rig: Rig, count: number) =>
  until(() => publishes(rig).length === count, `${count} messages to be sent`);
const full = () => Promise.reject(new Error('full'));

/** A client that noted what became of earlier messages. */
async function begin(outbox: OutboxStore, options: Partial<ClientOptions> = {}) {
  const rig = await setUp({ outbox, ...options });
  const resent: ClientEvents['resent'][] = [];
  rig.client.on('resent', (outcome) => resent.push(outcome));
  return { ...rig, resent };
}

describe('an outbox with a store', ({ test, beforeEach }) => {
  let store: OutboxStore;
  beforeEach(() => {
    store = memoryOutbox();
  });

  /** Publishes these and leaves without a word, as a process that is killed; the node may have taken them or not. */
  async function killedAfter(...names: string[]): Promise<void> {
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    for (const name of names) channel.publish(name, { id: tagOf(name) }).catch(() => undefined);
    await sends(rig, names.length);
    assert.equal(await heldIds(store), ids(...names));
  }

  test('sends what a killed client had left: in order, before anything new, once, with the same ids', async () => {
    await killedAfter('a', 'b');
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    const published = channel.publish('c', { id: tagOf('c') });
    await sends(rig, 3);
    assert.equal(sentIds(rig), ids('a', 'b', 'c'));
    for (const [i, { ref }] of publishes(rig).entries())
      rig.socket().say({ type: 'ok', ref, position: at(i + 1), ...(i === 0 ? { duplicate: true } : {}) });
    assert.equal(await published, { id: tagOf('c'), position: at(3) });
    const [a, b] = ids('a', 'b');
    assert.equal(rig.resent, [
      { id: a, channelId: 'one', position: at(1) },
      { id: b, channelId: 'one', position: at(2) },
    ]);
    await settled();
    assert.equal(await heldIds(store), []);
    rig.client.close();

    const last = await begin(store);
    await subscribe(last, 'one');
    assert.equal(sentIds(last), []);
    last.client.close();
  });

  test('keeps what is unanswered when the client is closed, and nothing that was answered or refused', async () => {
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    const accepted = channel.publish('a', { id: tagOf('a') });
    const refused = rejectsWith(channel.publish('b', { id: tagOf('b') }), 'verb_not_granted');
    const left = rejectsWith(channel.publish('c', { id: tagOf('c') }), 'conflict');
    await sends(rig, 3);
    const [first, second] = publishes(rig).map(({ ref }) => ref);
    rig.socket().say({ type: 'ok', ref: first ?? 0, position: at(1) });
    rig.socket().say({ type: 'failed', ref: second ?? 0, code: 'verb_not_granted', retry: 'never' });
    await Promise.all([accepted, refused]);
    rig.client.close();
    await left;
    await settled();
    assert.equal(await heldIds(store), ids('c'));
    assert.is(rig.clock.armed, 0);
  });

  test('tells when it gives up what was left: refused, or its channel closed', async () => {
    await killedAfter('a', 'b');
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    const { ref } = publishes(rig)[0] ?? { ref: 0 };
    rig.socket().say({ type: 'failed', ref, code: 'verb_not_granted', retry: 'never' });
    await until(() => rig.resent.length === 1, 'what it tells');
    channel.close();
    const outcomes = rig.resent.map((one) => [one.id, 'failure' in one ? one.failure.code : undefined]);
    assert.equal(outcomes, [
      [tagOf('a'), 'verb_not_granted'],
      [tagOf('b'), 'conflict'],
    ]);
    await settled();
    assert.equal(await heldIds(store), []);
    rig.client.close();
  });

  test('waits as long as it takes, unless told otherwise', async () => {
    for (const [options, code] of [
      [{}, undefined],
      [{ publishTimeoutMs: 90_000 }, 'unavailable'],
    ] as const) {
      const rig = await begin(memoryOutbox(), options);
      const channel = await subscribe(rig, 'one');
      let outcome: unknown;
      channel.publish('a').catch((failure: { code: unknown }) => {
        outcome = failure.code;
      });
      await sends(rig, 1);
      await rig.clock.advance(100_000);
      assert.is(outcome, code);
      rig.client.close();
    }
  });

  test('sends nothing that the store did not take, and says so', async () => {
    const rig = await begin({ ...store, put: full });
    const channel = await subscribe(rig, 'one');
    const failure = await rejectsWith(channel.publish('a'), 'storage_failed');
    assert.is(failure.retry, 'backoff');
    assert.equal(sentIds(rig), []);
    rig.client.close();
  });

  test('goes on after a message that the store did not take', async () => {
    let isFull = true;
    const put: OutboxStore['put'] = (message) => (isFull ? full() : store.put(message));
    const rig = await begin({ ...store, put });
    const channel = await subscribe(rig, 'one');
    await rejectsWith(channel.publish('a'), 'storage_failed');
    isFull = false;
    channel.publish('b', { id: tagOf('b') }).catch(() => undefined);
    await sends(rig, 1);
    assert.equal(sentIds(rig), ids('b'));
    rig.client.close();
  });

  test('does not connect before it knows what was left', async () => {
    const { opening, sockets } = await beginRig({ outbox: { ...store, load: full } });
    await rejectsWith(opening, 'storage_failed');
    assert.is(sockets.length, 0);
  });

  test('tells when the store cannot let go of a message', async () => {
    const rig = await begin({ ...store, remove: full });
    const faults: string[] = [];
    rig.client.on('fault', ({ code }) => faults.push(code));
    const channel = await subscribe(rig, 'one');
    const published = channel.publish('a', { id: tagOf('a') });
    await sends(rig, 1);
    rig.socket().say({ type: 'ok', ref: publishes(rig)[0]?.ref ?? 0, position: at(1) });
    await published;
    await until(() => faults.length === 1, 'what it tells');
    assert.equal(faults, ['storage_failed']);
    assert.equal(await heldIds(store), ids('a'));
    rig.client.close();
  });

  test('leaves conditional messages to their sender, and lets them pass nothing', async () => {
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    channel.publish('a', { id: tagOf('a') }).catch(() => undefined);
    channel.publish('b', { id: tagOf('b'), ifCommit: at(0) }).catch(() => undefined);
    await sends(rig, 2);
    assert.equal(sentIds(rig), ids('a', 'b'));
    assert.equal(await heldIds(store), ids('a'));
    rig.client.close();
  });

  test('counts what was left towards its bounds', async () => {
    for (let i = 0; i < 1_000; i++) await store.put({ channelId: 'one', id: tagOf(`${i}`), data: 'AAAA' });
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    await rejectsWith(channel.publish('one more'), 'pending_limit');
    rig.client.close();
  });

  test('sends again over reconnects what it keeps', async () => {
    const rig = await begin(store);
    const channel = await subscribe(rig, 'one');
    channel.publish('a', { id: tagOf('a') }).catch(() => undefined);
    await sends(rig, 1);
    await answerSubscribe(await reconnect(rig), at(0));
    assert.equal(sentIds(rig), ids('a'));
    rig.client.close();
  });
});

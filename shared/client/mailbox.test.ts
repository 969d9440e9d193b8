import * as assert from 'uvu/assert';
import { randomId, toBase64Url, utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import type { SendFrame, SentItem } from '../frame.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { type Connection, openConnection } from './connection.ts';
import type { LookedUp, PeerDevice } from './keys.ts';
import { memoryEpochs } from './mail-receiver.ts';
import { SENDS_MAX } from './mail-sender.ts';
import { OpenMailbox } from './mailbox.ts';
import { ManualClock, settled, until } from './test/manual-clock.ts';
import { type ScriptedSocket, scriptedSockets, tagOf } from './test/scripted-socket.ts';

const USER = tagOf('bob');
const device = (name: string): PeerDevice => ({
  userId: USER,
  deviceId: name,
  identityKey: utf8(name),
  mailbox: tagOf(`box-${name}`),
  isLastResort: false,
});
const delivery = (seq: number, id = tagOf(`item-${seq}`), epoch = 'epoch-one') =>
  ({ type: 'delivery', epoch, seq, id, data: toBase64Url(utf8(`text ${seq}`)) }) as const;

function setUp(names: readonly string[] = ['phone', 'laptop']) {
  const clock = new ManualClock();
  const { sockets, openSocket } = scriptedSockets();
  const stop = new AbortController();
  const lookups: number[] = [];
  const found: { devices: PeerDevice[]; failure?: Failure } = { devices: names.map(device) };
  const lookUp = async (): Promise<LookedUp> => {
    lookups.push(clock.now());
    if (found.failure !== undefined) throw found.failure;
    const peers = found.devices.length === 0 ? [] : [{ userId: USER, devices: found.devices }];
    const grants = { token: `grants.${lookups.length}.x`, lifeMs: 600_000 };
    return { peers, refused: [], grants };
  };
  const mailbox = new OpenMailbox({
    keys: { lookUp },
    clock,
    backoff: { baseMs: 100, capMs: 1_000 },
    deadlineMs: 60_000,
    epochs: memoryEpochs(),
    signal: stop.signal,
  });
  /** A new connection, which takes the place of the one before. */
  const connect = async (): Promise<{ socket: ScriptedSocket; connection: Connection }> => {
    const { signal } = new AbortController();
    const onEvent = (event: unknown, from: Connection) => mailbox.take(event as never, from);
    const opening = openConnection({
      url: 'wss://n1',
      ticket: 'a.b.c',
      openSocket,
      clock,
      signal,
      onEvent,
      onMoved: () => undefined,
    });
    const socket = sockets.at(-1) as ScriptedSocket; // Opened just now.
    socket.welcome();
    const connection = (await opening) as Connection;
    mailbox.use(connection);
    return { socket, connection };
  };
  return { clock, mailbox, stop, lookups, found, connect };
}

/** Answers the newest `send`, each item by `verdict`, in the order of the frame. */
async function answer(
  socket: ScriptedSocket,
  n: number,
  verdict: (mailbox: string) => Partial<SentItem> = () => ({}),
): Promise<SendFrame> {
  const sends = () => socket.sent.filter((frame) => frame.type === 'send');
  await until(() => sends().length >= n, `send ${n}`);
  const frame = sends()[n - 1] as SendFrame;
  const items = frame.items.map(({ mailbox }) => ({ mailbox, ...verdict(mailbox) }) as SentItem);
  socket.say({ type: 'ok', ref: frame.ref, items });
  await settled();
  return frame;
}

describe('sending to mailboxes', ({ test }) => {
  test('one frame carries an item of its own for each device, and the grants once', async () => {
    const { mailbox, connect, lookups } = setUp();
    const { socket } = await connect();
    for (const n of [1, 2]) {
      const sending = mailbox.send(USER, ({ deviceId }) => utf8(deviceId));
      const frame = await answer(socket, n);
      assert.equal(
        frame.items.map(({ mailbox: tag, data }) => [tag, data]),
        ['phone', 'laptop'].map((name) => [tagOf(`box-${name}`), toBase64Url(utf8(name))]),
      );
      assert.is(new Set(frame.items.map(({ id }) => id)).size, 2);
      assert.is(frame.grants, n === 1 ? 'grants.1.x' : undefined);
      assert.equal(await sending, { queued: ['phone', 'laptop'], failed: [] });
    }
    assert.is(lookups.length, 1);
  });

  test('what was not answered before a cut is sent again on the next connection, under the same id', async () => {
    const { mailbox, connect } = setUp();
    const first = await connect();
    const sending = mailbox.send(USER, () => utf8('x'));
    await until(() => first.socket.sent.length === 1, 'a send');
    const before = first.socket.last('send');
    first.socket.end(1006);
    mailbox.use(undefined);
    await settled();
    const second = await connect();
    const after = await answer(second.socket, 1);
    assert.equal(after.items, before.items);
    assert.is(after.grants, before.grants);
    assert.equal((await sending).queued, ['phone', 'laptop']);
  });

  test('waits for a connection when there is none, and not for ever', async () => {
    const { mailbox, clock, connect } = setUp();
    const sending = mailbox.send(USER, () => utf8('x'));
    const late = rejectsWith(
      mailbox.send(USER, () => utf8('y')),
      'unavailable',
    );
    await settled();
    const { socket } = await connect();
    await answer(socket, 1);
    assert.equal((await sending).queued, ['phone', 'laptop']);
    await clock.advance(60_000);
    await late;
    assert.is(clock.armed > 1, false);
  });

  test('a full mailbox is told at once, and the others are not', async () => {
    const { mailbox, connect } = setUp();
    const { socket } = await connect();
    const sending = mailbox.send(USER, () => utf8('x'));
    await answer(socket, 1, (tag) =>
      tag === tagOf('box-phone') ? { code: 'mailbox_full', retry: 'backoff' } : {},
    );
    const { queued, failed } = await sending;
    assert.equal([queued, failed.map(({ deviceId }) => deviceId)], [['laptop'], ['phone']]);
    assert.is(failed[0]?.failure.code, 'mailbox_full');
  });

  test('items that were not decided go again alone, with new grants', async () => {
    const { mailbox, connect, clock, lookups } = setUp();
    const { socket } = await connect();
    const sending = mailbox.send(USER, () => utf8('x'));
    const first = await answer(socket, 1, (tag) =>
      tag === tagOf('box-phone') ? { code: 'grant_expired', retry: 'new-ticket' } : {},
    );
    await clock.advance(2_000);
    const second = await answer(socket, 2);
    assert.equal(second.items, [first.items[0]]);
    assert.is(second.grants, 'grants.2.x');
    assert.equal((await sending).queued, ['laptop', 'phone']);
    assert.is(lookups.length, 2);
  });

  test('grants are looked up anew before they end', async () => {
    const { mailbox, connect, clock, lookups } = setUp();
    const { socket } = await connect();
    const send = async (n: number) => {
      const sending = mailbox.send(USER, () => utf8('x'));
      await answer(socket, n);
      await sending;
    };
    await send(1);
    await clock.advance(15_000);
    await send(2);
    assert.is(lookups.length, 1);
    for (let passed = 0; passed < 480_000; passed += 15_000) {
      await clock.advance(15_000);
      socket.say({ type: 'pong', ref: 99 });
    }
    await send(3);
    assert.is(lookups.length, 2);
  });

  test('refuses users without keys, sizes beyond the limit, and more than may wait', async () => {
    const { mailbox, connect, found } = setUp();
    await connect();
    await rejectsWith(
      mailbox.send(USER, () => new Uint8Array(65_537)),
      'payload_too_large',
    );
    await rejectsWith(
      mailbox.send(USER, () => new Uint8Array()),
      'payload_too_large',
    );
    found.devices = [];
    await rejectsWith(
      mailbox.send(tagOf('nobody'), () => utf8('x')),
      'not_found',
    );
    found.failure = new Failure('key_log_refused');
    await rejectsWith(
      mailbox.send(tagOf('forged'), () => utf8('x')),
      'key_log_refused',
    );
  });

  test('ends when the client is closed', async () => {
    const { mailbox, stop } = setUp();
    const waiting = Array.from({ length: SENDS_MAX }, () => mailbox.send(USER, () => utf8('x')));
    await rejectsWith(
      mailbox.send(USER, () => utf8('x')),
      'pending_limit',
    );
    const ended = Promise.allSettled(waiting);
    stop.abort(new Failure('conflict'));
    for (const outcome of await ended) assert.is(outcome.status, 'rejected');
  });
});

describe('receiving a mailbox', ({ test }) => {
  const attached = async (socket: ScriptedSocket, epoch = 'epoch-one') => {
    await until(() => socket.sent.some(({ type }) => type === 'attach'), 'an attach');
    socket.say({ type: 'ok', ref: socket.last('attach').ref, epoch });
    await settled();
  };
  const acks = ({ sent }: ScriptedSocket) =>
    sent.flatMap((frame) => (frame.type === 'ack' ? frame.ranges.map(([seq]) => seq) : []));
  const ackAll = ({ socket }: { socket: ScriptedSocket }) => {
    for (const frame of socket.sent) if (frame.type === 'ack') socket.say({ type: 'ok', ref: frame.ref });
  };

  test('an item is acked when the handler has dealt with it, one after the other', async () => {
    const { mailbox, connect } = setUp();
    const rig = await connect();
    const seen: string[] = [];
    let finish: () => void = () => undefined;
    mailbox.receive(async ({ id }) => {
      seen.push(id);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    await attached(rig.socket);
    for (const seq of [1, 2]) rig.socket.say(delivery(seq));
    await settled();
    assert.equal([seen.length, acks(rig.socket)], [1, []]);
    finish();
    await until(() => acks(rig.socket).length === 1, 'an ack');
    ackAll(rig);
    await until(() => seen.length === 2, 'the second item');
    finish();
    await until(() => acks(rig.socket).length === 2, 'its ack');
    assert.equal(acks(rig.socket), [1, 2]);
  });

  test('what comes again is acked without bothering the application, what it threw at is not', async () => {
    const { mailbox, connect } = setUp();
    const first = await connect();
    const seen: string[] = [];
    const unhandled: string[] = [];
    mailbox.on('unhandled', ({ id }) => unhandled.push(id));
    mailbox.receive(({ id }) => {
      seen.push(id);
      if (id === tagOf('item-2') && seen.length < 3) throw new Error('No');
    });
    await attached(first.socket);
    first.socket.say(delivery(1));
    await until(() => acks(first.socket).length === 1, 'an ack');
    ackAll(first);
    await settled();
    first.socket.say(delivery(2));
    await until(() => unhandled.length === 1, 'a fault');
    assert.equal(acks(first.socket), [1]);
    first.socket.end(1006);
    mailbox.use(undefined);
    const second = await connect();
    await attached(second.socket);
    for (const seq of [1, 2]) second.socket.say(delivery(seq));
    await until(() => acks(second.socket).length === 1, 'the ack of the repeat');
    ackAll(second);
    await until(() => acks(second.socket).length === 2, 'the ack of the other');
    assert.equal(
      seen,
      [1, 2, 2].map((n) => tagOf(`item-${n}`)),
    );
  });

  test('another epoch is told as a loss, once', async () => {
    const { mailbox, connect } = setUp();
    const lost: string[] = [];
    mailbox.on('lost', ({ epoch }) => lost.push(epoch));
    mailbox.receive(() => undefined);
    const first = await connect();
    await attached(first.socket);
    first.socket.say(delivery(1));
    await settled();
    assert.equal(lost, []);
    const second = await connect();
    await attached(second.socket, 'epoch-two');
    second.socket.say(delivery(1, randomId(), 'epoch-two'));
    await until(() => lost.length > 0, 'a loss');
    await settled();
    assert.equal(lost, ['epoch-two']);
  });

  test('attaches to each connection, and again when the attachment was lost', async () => {
    const { mailbox, connect } = setUp();
    mailbox.receive(() => undefined);
    const first = await connect();
    await attached(first.socket);
    first.socket.say(delivery(1));
    await until(() => acks(first.socket).length === 1, 'an ack');
    first.socket.say({
      type: 'failed',
      ref: first.socket.last('ack').ref,
      code: 'superseded',
      retry: 'never',
    });
    await until(
      () => first.socket.sent.filter(({ type }) => type === 'attach').length === 2,
      'a second attach',
    );
    const second = await connect();
    await until(() => second.socket.sent.some(({ type }) => type === 'attach'), 'another attach');
  });

  test('a newer connection elsewhere is told; that of a connection of before is not', async () => {
    const { mailbox, connect } = setUp();
    let detached = 0;
    mailbox.on('detached', () => {
      detached += 1;
    });
    mailbox.receive(() => undefined);
    const first = await connect();
    const second = await connect();
    first.socket.say({ type: 'detached', code: 'superseded' });
    assert.is(detached, 0);
    second.socket.say({ type: 'detached', code: 'superseded' });
    assert.is(detached, 1);
  });
});

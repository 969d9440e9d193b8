import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import {
  ADMISSION_DEADLINE_MS,
  ANSWER_DEADLINE_MS,
  Connection,
  type Event,
  openConnection,
  PING_AFTER_MS,
} from './connection.ts';
import { ManualClock } from './test/manual-clock.ts';
import { publication, scriptedSockets, tagOf } from './test/scripted-socket.ts';

const PUBLISH = { type: 'publish', channel: tagOf('channel'), id: tagOf('id'), data: 'AAAA' } as const;

function setUp() {
  const clock = new ManualClock();
  const { sockets, openSocket } = scriptedSockets();
  const events: Event[] = [];
  const abort = new AbortController();
  const options = { url: 'wss://n', ticket: 'a.b.c', clock, openSocket, signal: abort.signal };
  const opening = openConnection({
    ...options,
    onEvent: (event) => events.push(event),
    onMoved: () => undefined,
  });
  const [socket] = sockets;
  if (socket === undefined) throw new Error('No socket was opened');
  return { clock, socket, events, opening, abort };
}

async function setUpOpen() {
  const parts = setUp();
  parts.socket.welcome();
  const connection = await parts.opening;
  if (!(connection instanceof Connection)) throw connection.failure;
  return { ...parts, connection };
}

describe('connection of the client', ({ test }) => {
  test('offers the protocol and the ticket, and is open at welcome', async () => {
    const { socket, connection } = await setUpOpen();
    assert.equal(socket.protocols, ['hushwire.v1', 'hushwire.ticket.a.b.c']);
    assert.is(connection.node, 'n1');
    assert.ok(connection.isOpen);
  });

  test('ends when nobody welcomes it in time', async () => {
    const { clock, socket, opening } = setUp();
    socket.open();
    await clock.advance(ADMISSION_DEADLINE_MS);
    const end = await opening;
    assert.ok(!(end instanceof Connection) && end.failure.code === 'unavailable' && end.mayReturn);
    assert.ok(socket.isDestroyed);
    assert.is(clock.armed, 0);
  });

  test('tells why a node closed it, and whether it may return', async () => {
    const vectors = [
      [4401, 'ticket_refused', 'ticket_refused', true],
      [4402, '', 'ticket_expired', true],
      [4501, 'session_ended', 'session_ended', false],
      [4505, '', 'protocol_unsupported', false],
      [1012, '', 'server_draining', true],
      [1006, '', 'unavailable', true],
      [4999, 'something later', 'unavailable', false],
    ] as const;
    for (const [close, reason, code, mayReturn] of vectors) {
      const { socket, opening } = setUp();
      socket.end(close, reason);
      const end = await opening;
      assert.ok(!(end instanceof Connection));
      assert.equal([end.failure.code, end.mayReturn], [code, mayReturn]);
    }
  });

  test('closes when it is told to while opening, and not after', async () => {
    const { socket, opening, abort, clock } = setUp();
    abort.abort();
    const end = await opening;
    assert.ok(!(end instanceof Connection) && !end.mayReturn);
    assert.ok(socket.isClosed);
    assert.is(clock.armed, 0);
    const later = await setUpOpen();
    later.abort.abort();
    assert.ok(later.connection.isOpen);
  });

  test('refuses another protocol, a frame before welcome, a second welcome, binary and broken frames', async () => {
    const wrong = setUp();
    wrong.socket.open('');
    const end = await wrong.opening;
    assert.ok(!(end instanceof Connection) && end.failure.code === 'protocol_unsupported');
    const early = setUp();
    early.socket.say(publication({ offset: 1 }));
    assert.not.instance(await early.opening, Connection);
    for (const text of [undefined, 'no json', '{"type":"publication"}', `"${'a'.repeat(98_304)}"`]) {
      const { socket, connection } = await setUpOpen();
      socket.sayText(text);
      assert.ok((await connection.ended).mayReturn && socket.isDestroyed);
    }
    const twice = await setUpOpen();
    twice.socket.welcome();
    assert.is((await twice.connection.ended).failure.code, 'bad_frame');
  });

  test('ignores types it does not know and answers nobody waits for', async () => {
    const { socket, connection } = await setUpOpen();
    socket.sayText('{"type":"forecast"}');
    socket.say({ type: 'pong', ref: 77 });
    assert.ok(connection.isOpen);
  });

  test('matches answers to commands in whatever order they come', async () => {
    const { socket, connection } = await setUpOpen();
    const first = connection.request(PUBLISH);
    const second = connection.request({ type: 'ping' });
    assert.equal(
      socket.sent.map(({ ref }) => ref),
      [1, 2],
    );
    socket.say({ type: 'pong', ref: 2 });
    socket.say({ type: 'ok', ref: 1, position: { epoch: 'epoch-one', offset: 3 } });
    assert.is((await second).type, 'pong');
    assert.equal(await first, { type: 'ok', ref: 1, position: { epoch: 'epoch-one', offset: 3 } });
  });

  test('throws what a command failed with', async () => {
    const { socket, connection } = await setUpOpen();
    const command = rejectsWith(connection.request(PUBLISH), 'too_many_requests');
    socket.say({ type: 'failed', ref: 1, code: 'too_many_requests', retry: 'backoff', retryAfterMs: 250 });
    assert.is((await command).retryAfterMs, 250);
  });

  test('follows the advice of a code it does not know', async () => {
    const { socket, connection } = await setUpOpen();
    const vectors = ['now', 'backoff', 'new-ticket', 'never'] as const;
    for (const [i, retry] of vectors.entries()) {
      const command = connection.request(PUBLISH).then(
        () => undefined,
        (failure: Failure) => failure.retry,
      );
      socket.sayText(JSON.stringify({ type: 'failed', ref: i + 1, code: 'of_a_later_version', retry }));
      assert.is(await command, retry === 'now' ? 'backoff' : retry);
    }
  });

  test('lets no more commands wait than the node allows', async () => {
    const { socket, opening } = setUp();
    socket.welcome('n1', 1);
    const connection = (await opening) as Connection;
    const waiting = rejectsWith(connection.request(PUBLISH), 'unavailable');
    await rejectsWith(connection.request(PUBLISH), 'pending_limit');
    connection.close();
    await waiting;
  });

  test('rejects what waits when it ends, and every later command', async () => {
    const { socket, connection, clock } = await setUpOpen();
    const waiting = rejectsWith(connection.request(PUBLISH), 'unavailable');
    socket.end(1006);
    await waiting;
    await rejectsWith(connection.request(PUBLISH), 'unavailable');
    assert.is(clock.armed, 0);
  });

  test('asks after silence, and drops a node that does not answer', async () => {
    const { clock, socket, connection } = await setUpOpen();
    await clock.advance(PING_AFTER_MS);
    assert.is(socket.last('ping').ref, 1);
    socket.say({ type: 'pong', ref: 1 });
    await clock.advance(PING_AFTER_MS + ANSWER_DEADLINE_MS - 1);
    assert.ok(connection.isOpen);
    await clock.advance(1);
    assert.ok(socket.isDestroyed);
    assert.equal(await connection.ended.then(({ mayReturn }) => mayReturn), true);
  });

  test('does not ask while the node says something', async () => {
    const { clock, socket } = await setUpOpen();
    for (let offset = 1; offset <= 5; offset += 1) {
      await clock.advance(PING_AFTER_MS - 1);
      socket.say(publication({ offset }));
    }
    assert.is(socket.sent.length, 0);
  });

  test('hands on events in order until it ends', async () => {
    const { socket, connection, events } = await setUpOpen();
    socket.say(publication({ offset: 1 }));
    socket.say({ type: 'revoked', channel: tagOf('channel'), code: 'not_a_member' });
    connection.drop(new Failure('unavailable'));
    socket.say(publication({ offset: 2 }));
    assert.equal(
      events.map(({ type }) => type),
      ['publication', 'revoked'],
    );
  });
});

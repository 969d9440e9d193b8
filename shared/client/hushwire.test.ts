import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith, until } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { settled } from './test/manual-clock.ts';
import { begin, reconnect, setUp, subscribe } from './test/rig.ts';
import { ScriptedEdge } from './test/scripted-edge.ts';

describe('client', ({ test }) => {
  test('signs up, signs in, connects, and tells its node', async () => {
    const { client, edge, socket } = await setUp();
    assert.equal(
      edge.asked.map(({ path }) => path),
      ['/v1/accounts', '/v1/sessions', '/v1/connect'],
    );
    assert.equal(client.state, { state: 'online', node: 'n1', isThroughEdge: false });
    assert.is(socket().url, 'wss://n1/v1/socket');
    client.close();
  });

  test('comes back after every code that allows it, with a new ticket', async () => {
    const rig = await setUp();
    for (const code of [1012, 4410, 4401, 1011, 1006]) {
      const before = rig.socket().protocols[1];
      const next = await reconnect(rig, code);
      assert.is.not(next.protocols[1], before);
    }
    assert.is(rig.client.state.state, 'online');
    rig.client.close();
  });

  test('stays away after a code that forbids it, and ends everything', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const reading = rejectsWith(channel.messages().next(), 'session_ended');
    const publishing = rejectsWith(channel.publish('a'), 'session_ended');
    await settled();
    rig.socket().end(4501, 'session_ended');
    await Promise.all([reading, publishing]);
    const { state } = rig.client;
    assert.ok(state.state === 'closed' && state.failure?.code === 'session_ended');
    assert.is(rig.clock.armed, 0);
    assert.equal(rig.states, ['closed']);
  });

  test('pauses longer after each failure, with jitter, and short again after a connection that lasted', async () => {
    const rig = await setUp({ through: 'direct', backoff: { baseMs: 100, capMs: 10_000 } });
    rig.edge.origins.length = 1;
    const pauses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i += 1) {
      const next = rig.sockets.length + 1;
      rig.socket().end(1006);
      await settled();
      pauses.push(rig.clock.nextMs);
      await rig.clock.advance(rig.clock.nextMs ?? 0);
      await rig.nth(next);
    }
    assert.equal(pauses, [50, 100, 200]);
    rig.socket().welcome();
    await rig.clock.advance(10_000);
    rig.socket().end(1006);
    await settled();
    assert.is(rig.clock.nextMs, 50);
    rig.client.close();
  });

  test('tries at once when it is woken', async () => {
    const rig = await setUp();
    rig.socket().end(1006);
    await settled();
    rig.client.wake();
    (await rig.nth(2)).welcome();
    await settled();
    assert.is(rig.client.state.state, 'online');
    rig.client.wake();
    assert.is(rig.socket().last('ping').type, 'ping');
    rig.client.close();
  });

  test('goes to the next node and then through the edge when one cannot be reached', async () => {
    const { opening, nth, sockets } = await begin();
    (await nth(1)).end(1006);
    (await nth(2)).end(1006);
    (await nth(3)).welcome('n2');
    const client = await opening;
    assert.equal(
      sockets.map(({ url }) => url),
      ['wss://n1/v1/socket', 'wss://n2/v1/socket', 'wss://edge/v1/socket'],
    );
    assert.equal(client.state, { state: 'online', node: 'n2', isThroughEdge: true });
    client.close();
  });

  test('goes on asking the edge while it is away, and stops when it refuses for good', async () => {
    const rig = await setUp();
    rig.edge.failures.push(new Failure('unavailable'), new Failure('credentials_refused'));
    rig.socket().end(1006);
    await rig.clock.advance(2_000);
    await until(() => rig.client.state.state === 'closed', { what: 'the end' });
    assert.is(rig.sockets.length, 1);
    assert.is(rig.clock.armed, 0);
  });

  test('gives up the first connection in time, and leaves nothing behind', async () => {
    const { opening, clock, nth, sockets } = await begin({ connectTimeoutMs: 1_000, through: 'direct' });
    const failing = rejectsWith(opening, 'unavailable');
    await nth(1);
    await clock.advance(1_000);
    await failing;
    assert.is(clock.armed, 0);
    assert.ok(sockets.every(({ isClosed, isDestroyed }) => isClosed || isDestroyed));
  });

  test('has a second factor set up where one is required, and connects after', async () => {
    const edge = new ScriptedEdge();
    edge.failures.push(new Failure('second_factor_required'));
    let isAsked = false;
    const enrol = async () => {
      isAsked = true;
    };
    const { opening, nth } = await begin({ fetch: edge.fetch, enrol });
    (await nth(1)).welcome();
    (await opening).close();
    assert.ok(isAsked);
    assert.equal(
      edge.asked.map(({ path }) => path),
      ['/v1/accounts', '/v1/sessions', '/v1/connect', '/v1/sessions/renew', '/v1/connect'],
    );
  });

  test('throws second_factor_required where nobody can set one up', async () => {
    const edge = new ScriptedEdge();
    edge.failures.push(new Failure('second_factor_required'));
    const { opening, clock } = await begin({ fetch: edge.fetch });
    await rejectsWith(opening, 'second_factor_required');
    assert.is(clock.armed, 0);
  });

  test('gives up the first connection when told to', async () => {
    const abort = new AbortController();
    const { opening, clock, nth } = await begin({ signal: abort.signal });
    const failing = rejectsWith(opening, 'conflict');
    await nth(1);
    abort.abort(new Failure('conflict'));
    await failing;
    assert.is(clock.armed, 0);
  });

  test('clears every timer and rejects what waits when it is closed', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const publishing = rejectsWith(channel.publish('a'), 'conflict');
    const subscribing = rejectsWith(rig.client.channel('two').subscribe(), 'conflict');
    await settled();
    rig.client.close();
    rig.client.close();
    await Promise.all([publishing, subscribing]);
    await settled();
    assert.is(rig.clock.armed, 0);
    assert.ok(rig.socket().isClosed);
    await rejectsWith(channel.publish('b'), 'conflict');
    await rejectsWith(rig.client.channel('three').subscribe(), 'conflict');
  });
});

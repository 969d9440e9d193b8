import * as assert from 'uvu/assert';
import { describe } from '../testing/suite.ts';
import { settled, until } from './test/manual-clock.ts';
import { answerSubscribe, at, type Rig, said, setUp, subscribe, textsOf } from './test/rig.ts';
import type { ScriptedSocket } from './test/scripted-socket.ts';

/** The node says that it goes away; resolves with the socket the client opens to another one. */
async function move(rig: Rig, afterMs = 0): Promise<ScriptedSocket> {
  const next = rig.sockets.length + 1;
  rig.socket().say({ type: 'moved', afterMs, origins: [] });
  await rig.clock.advance(afterMs);
  return rig.nth(next);
}

async function welcome(socket: ScriptedSocket, node = 'n2'): Promise<void> {
  socket.welcome(node);
  await settled();
}

describe('moving to another node', ({ test }) => {
  test('begins when the node asked, goes to another node, and is never offline', async () => {
    const rig = await setUp();
    const old = rig.socket();
    old.say({ type: 'moved', afterMs: 1_500, origins: [] });
    await rig.clock.advance(1_499);
    assert.is(rig.sockets.length, 1);
    await rig.clock.advance(1);
    const fresh = await rig.nth(2);
    assert.is(fresh.url, 'wss://n2/v1/socket');
    await welcome(fresh);
    await until(() => old.isClosed, 'the old socket to close');
    assert.equal(rig.states, ['online']);
    assert.equal(rig.client.state, { state: 'online', node: 'n2', isThroughEdge: false });
    rig.client.close();
    await settled();
    assert.is(rig.clock.armed, 0);
  });

  test('closes the old connection only when the new one carries every channel, and repeats nothing', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const texts = textsOf(channel);
    const old = rig.socket();
    old.say(said('one', 1, 'a'));
    const fresh = await move(rig);
    await welcome(fresh);
    await until(() => fresh.sent.some(({ type }) => type === 'subscribe'), 'a subscribe');
    assert.equal(fresh.last('subscribe').channels[0]?.position, at(1));
    old.say(said('one', 2, 'b'));
    fresh.say(said('one', 2, 'b'));
    fresh.say(said('one', 3, 'c'));
    old.say(said('one', 3, 'c'));
    assert.not(old.isClosed);
    await answerSubscribe(fresh, at(3));
    await until(() => old.isClosed && texts.length === 3, 'three messages and a closed socket');
    fresh.say(said('one', 4, 'd'));
    await until(() => texts.length === 4, 'the fourth message');
    assert.equal(texts, ['a', 'b', 'c', 'd']);
    assert.is(channel.state, 'live');
    rig.client.close();
  });

  test('waits for answers of the old connection, and publishes over the new one what comes meanwhile', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const old = rig.socket();
    const first = channel.publish('first');
    await until(() => old.sent.some(({ type }) => type === 'publish'), 'a publish');
    const fresh = await move(rig);
    await welcome(fresh);
    await answerSubscribe(fresh, at(0));
    const second = channel.publish('second');
    await settled();
    assert.not(old.isClosed);
    assert.not(fresh.sent.some(({ type }) => type === 'publish'));
    old.say({ type: 'ok', ref: old.last('publish').ref, position: at(1) });
    await until(() => fresh.sent.some(({ type }) => type === 'publish'), 'a publish over the new one');
    fresh.say({ type: 'ok', ref: fresh.last('publish').ref, position: at(2) });
    assert.equal(
      (await Promise.all([first, second])).map(({ position }) => position.offset),
      [1, 2],
    );
    assert.ok(old.isClosed);
    rig.client.close();
  });

  test('stays where it is, and tries again, while no other node takes it', async () => {
    const rig = await setUp({ through: 'direct' });
    const channel = await subscribe(rig, 'one');
    const texts = textsOf(channel);
    const old = rig.socket();
    (await move(rig)).end(1006);
    await settled();
    old.say(said('one', 1, 'still here'));
    await until(() => texts.length === 1, 'a message');
    assert.equal(rig.states, []);
    await rig.clock.advance(rig.clock.nextMs ?? 0);
    const fresh = await rig.nth(3);
    await welcome(fresh);
    await answerSubscribe(fresh, at(1));
    await until(() => old.isClosed, 'the old socket to close');
    rig.client.close();
  });

  test('goes on with the new connection when the old one ends in the middle', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const old = rig.socket();
    const fresh = await move(rig);
    await welcome(fresh);
    old.end(1012);
    await settled();
    await answerSubscribe(fresh, at(0));
    assert.is(rig.sockets.length, 2);
    assert.is(channel.state, 'live');
    assert.equal(rig.states, ['online']);
    rig.client.close();
  });

  test('leaves nothing open when the client is closed in the middle', async () => {
    const rig = await setUp();
    await subscribe(rig, 'one');
    const fresh = await move(rig);
    await welcome(fresh);
    rig.client.close();
    await settled();
    assert.ok(fresh.isClosed);
    assert.is(rig.clock.armed, 0);
  });
});

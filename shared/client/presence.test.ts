import * as assert from 'uvu/assert';
import { fromBase64Url, toBase64Url, utf8 } from '../bytes.ts';
import type { PresenceFrame } from '../frame.ts';
import { rejectsWith, until } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { settled } from './test/manual-clock.ts';
import { answerSubscribe, at, type Rig, reconnect, setUp, subscribe } from './test/rig.ts';
import { channelTag } from './test/scripted-edge.ts';
import { type ScriptedSocket, tagOf } from './test/scripted-socket.ts';

const [ADA, BOB, EVE] = [tagOf('ada'), tagOf('bob'), tagOf('eve')] as const;
const CHANNEL = channelTag('one');

const present = (rest: Omit<PresenceFrame, 'type' | 'channel'>): PresenceFrame => ({
  type: 'presence',
  channel: CHANNEL,
  ...rest,
});
const asked = (socket: ScriptedSocket) => socket.sent.filter(({ type }) => type === 'presence');
/** The newest wish the node was told, which it then grants. */
async function grant({ socket }: Rig) {
  await settled();
  const { ref, show, watch } = socket().last('presence');
  socket().say({ type: 'ok', ref });
  await settled();
  return { show, watch };
}

describe('presence of a channel', ({ test }) => {
  test('shows nobody and watches nobody unasked', async () => {
    const rig = await setUp();
    await subscribe(rig, 'one');
    assert.equal(asked(rig.socket()), []);
    rig.client.close();
  });

  test('shows, and hides again', async () => {
    const rig = await setUp();
    const { presence } = await subscribe(rig, 'one');
    const shown = presence.show();
    assert.equal(await grant(rig), { show: true, watch: false });
    await shown;
    presence.hide();
    assert.equal(await grant(rig), { show: false, watch: false });
    rig.client.close();
  });

  test('brings one snapshot and watches no longer', async () => {
    const rig = await setUp();
    const { presence } = await subscribe(rig, 'one');
    const snapshot = presence.snapshot();
    assert.equal(await grant(rig), { show: false, watch: true });
    rig.socket().say(present({ count: 1, members: [ADA] }));
    assert.equal(await snapshot, { count: 1, members: [ADA] });
    assert.equal(await grant(rig), { show: false, watch: false });
    rig.client.close();
  });

  test('brings everybody first, then changes, and counts alone in a crowd', async () => {
    const rig = await setUp();
    const { presence } = await subscribe(rig, 'one');
    const changes = presence.changes();
    await grant(rig);
    for (const frame of [
      present({ count: 2, members: [ADA, BOB] }),
      present({ count: 2, joined: [EVE], left: [ADA] }),
      present({ count: 65 }),
      present({ count: 1, members: [BOB] }),
    ])
      rig.socket().say(frame);
    const values = [];
    for (let i = 0; i < 4; i += 1) values.push((await changes.next()).value);
    assert.equal(values, [
      { count: 2, members: [ADA, BOB], joined: [ADA, BOB], left: [] },
      { count: 2, members: [BOB, EVE], joined: [EVE], left: [ADA] },
      { count: 65, joined: [], left: [] },
      { count: 1, members: [BOB], joined: [BOB], left: [] },
    ]);
    assert.equal((await presence.changes().next()).value.joined, [BOB]);
    await changes.return?.();
    rig.client.close();
  });

  test('asks every new connection anew, and tells what changed meanwhile', async () => {
    const rig = await setUp();
    const { presence } = await subscribe(rig, 'one');
    const changes = presence.changes();
    void presence.show();
    await grant(rig);
    rig.socket().say(present({ count: 1, members: [ADA] }));
    await changes.next();
    const next = await reconnect(rig);
    const snapshot = presence.snapshot();
    await answerSubscribe(next, at(0));
    assert.equal(await grant(rig), { show: true, watch: true });
    next.say(present({ count: 1, members: [BOB] }));
    const { value } = await changes.next();
    assert.equal([value.joined, value.left], [[BOB], [ADA]]);
    assert.equal(await snapshot, { count: 1, members: [BOB] });
    rig.client.close();
  });

  test('tries again what may be mended, and tells what may not', async () => {
    const rig = await setUp();
    const { presence } = await subscribe(rig, 'one');
    const shown = presence.show();
    await settled();
    const { ref } = rig.socket().last('presence');
    rig.socket().say({ type: 'failed', ref, code: 'unavailable', retry: 'backoff' });
    await settled();
    await rig.clock.advance(600);
    await until(() => asked(rig.socket()).length === 2, { what: 'a second try' });
    const again = rig.socket().last('presence');
    rig.socket().say({ type: 'failed', ref: again.ref, code: 'verb_not_granted', retry: 'never' });
    await rejectsWith(shown, 'verb_not_granted');
    rig.client.close();
  });

  test('needs a subscription, and ends with the channel', async () => {
    const rig = await setUp();
    await rejectsWith(rig.client.channel('two').presence.show(), 'not_subscribed');
    const channel = await subscribe(rig, 'one');
    const snapshot = channel.presence.snapshot();
    const changes = channel.presence.changes();
    const next = changes.next();
    channel.close();
    await rejectsWith(snapshot, 'conflict');
    assert.is((await next).done, true);
    await rejectsWith(channel.presence.show(), 'conflict');
    rig.client.close();
  });
});

describe('ephemeral messages', ({ test }) => {
  test('are passed on without a position, and brought as events of their own', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const heard: string[] = [];
    channel.on('ephemeral', (message) => heard.push(`${message.from} ${message.isOwn} ${message.text()}`));
    channel.on('message', () => heard.push('message'));
    const sent = channel.publishEphemeral('typing');
    await settled();
    const { ref, id, data, ephemeral, ifCommit } = rig.socket().last('publish');
    assert.equal([ephemeral, ifCommit, fromBase64Url(data)], [true, undefined, utf8('typing')]);
    rig.socket().say({ type: 'ok', ref });
    await sent;
    rig.socket().say({ type: 'ephemeral', channel: CHANNEL, id, from: ADA, data });
    const unreadable = toBase64Url(utf8('?'));
    rig.socket().say({ type: 'ephemeral', channel: CHANNEL, id, from: ADA, data: unreadable });
    await settled();
    assert.equal(heard, [`${ADA} false typing`]);
    assert.equal(channel.position, at(0));
    rig.client.close();
  });

  test('are never queued or sent again', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    await rejectsWith(rig.client.channel('two').publishEphemeral('x'), 'not_subscribed');
    const lost = channel.publishEphemeral('x');
    await settled();
    rig.socket().end(1006);
    await rejectsWith(lost, 'unavailable');
    await rejectsWith(channel.publishEphemeral('y'), 'unavailable');
    const next = await reconnect(rig);
    await answerSubscribe(next, at(0));
    await settled();
    assert.not(next.sent.some(({ type }) => type === 'publish'));
    rig.client.close();
  });
});

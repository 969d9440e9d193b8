import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith, until } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { settled } from './test/manual-clock.ts';
import { answerSubscribe, at, reconnect, said, setUp, subscribe, textsOf } from './test/rig.ts';
import { channelTag } from './test/scripted-edge.ts';
import { tagOf } from './test/scripted-socket.ts';

describe('channel', ({ test }) => {
  test('subscribes under the grants, and brings messages decrypted and in order', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const messages = channel.messages();
    const { grants, channels } = rig.socket().last('subscribe');
    assert.is(grants, 'grants.2.x');
    assert.equal(channels, [{ channel: channelTag('one') }]);
    for (const offset of [1, 2]) rig.socket().say(said('one', offset, `text ${offset}`));
    const first = await messages.next();
    assert.is(first.value.text(), 'text 1');
    assert.equal(first.value.position, at(1));
    assert.is(first.value.isOwn, false);
    assert.is((await messages.next()).value.text(), 'text 2');
    rig.client.close();
    assert.equal(await messages.next(), { done: true, value: undefined });
  });

  test('asks once for channels that are wanted at the same time', async () => {
    const rig = await setUp();
    await reconnect(rig);
    const all = ['one', 'two', 'three'].map((name) => rig.client.channel(name).subscribe());
    rig.socket().end(1006);
    await settled();
    rig.client.wake();
    (await rig.nth(3)).welcome();
    await answerSubscribe(rig.socket(), at(0));
    await Promise.all(all);
    assert.equal(rig.edge.lastChannels, ['one', 'two', 'three']);
    assert.is(rig.socket().last('subscribe').channels.length, 3);
    rig.client.close();
  });

  test('resumes every channel by its last position after a cut, and drops repeats', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one', at(4));
    const texts = textsOf(channel);
    rig.socket().say(said('one', 5, 'five'));
    await settled();
    const next = await reconnect(rig);
    const { channels } = next.last('subscribe');
    assert.equal(channels, [{ channel: channelTag('one'), position: at(5) }]);
    assert.equal(rig.edge.lastChannels, ['one']);
    for (const [offset, text] of [
      [5, 'five'],
      [6, 'six'],
      [7, 'seven'],
    ] as const)
      next.say(said('one', offset, text));
    await answerSubscribe(next, at(7));
    await until(() => texts.length >= 3, { what: 'the replay' });
    assert.equal(texts, ['five', 'six', 'seven']);
    assert.equal(rig.states, ['reconnecting', 'online']);
    rig.client.close();
  });

  test('gives up a connection that leaves something out, and resumes', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one', at(4));
    const texts = textsOf(channel);
    rig.socket().say(said('one', 6, 'six'));
    assert.ok(rig.socket().isDestroyed);
    const next = await reconnect(rig);
    assert.equal(next.last('subscribe').channels[0]?.position, at(4));
    assert.equal(texts, []);
    rig.client.close();
  });

  test('tells a gap between the messages around it', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one', at(4));
    const seen: string[] = [];
    channel.on('message', (message) => seen.push(message.text()));
    channel.on('gap', ({ position, reason }) => seen.push(`gap ${reason} ${position.offset}`));
    rig.socket().say(said('one', 5, 'five'));
    rig.socket().say({ type: 'gap', channel: channelTag('one'), position: at(9), reason: 'trimmed' });
    rig.socket().say(said('one', 10, 'ten'));
    await until(() => seen.length >= 3, { what: 'three events' });
    assert.equal(seen, ['five', 'gap trimmed 9', 'ten']);
    rig.client.close();
  });

  test('tells what it cannot read, and goes on', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const seen: string[] = [];
    channel.on('unreadable', ({ id, reason }) => seen.push(`${reason} ${id}`));
    channel.on('message', (message) => seen.push(message.text()));
    rig.socket().say(said('one', 1, '?'));
    rig.socket().say(said('one', 2, 'two'));
    await until(() => seen.length >= 2, { what: 'two events' });
    assert.equal(seen, [`altered ${tagOf('message-1')}`, 'two']);
    rig.client.close();
  });

  test('rejects a subscription the edge refuses, and may ask again later', async () => {
    const rig = await setUp();
    rig.edge.refused.add('one');
    const channel = rig.client.channel('one');
    await rejectsWith(channel.subscribe(), 'not_a_member');
    assert.is(channel.state, 'revoked');
    rig.edge.refused.delete('one');
    assert.is((await subscribe(rig, 'one')).state, 'live');
    rig.client.close();
  });

  test('ends readers and rejects messages when the node revokes the channel', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const codes: string[] = [];
    channel.on('revoked', ({ code }) => codes.push(code));
    const reading = rejectsWith(channel.messages().next(), 'not_a_member');
    const publishing = rejectsWith(channel.publish('a'), 'not_a_member');
    await settled();
    rig.socket().say({ type: 'revoked', channel: channelTag('one'), code: 'not_a_member' });
    await Promise.all([reading, publishing]);
    assert.equal(codes, ['not_a_member']);
    assert.is(channel.state, 'revoked');
    rig.client.close();
  });

  test('asks for new grants when one has ended, and goes on where it stood', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one', at(3));
    rig.socket().say({ type: 'revoked', channel: channelTag('one'), code: 'grant_expired' });
    await answerSubscribe(rig.socket(), at(3));
    const { grants, channels } = rig.socket().last('subscribe');
    assert.is(grants, 'grants.3.x');
    assert.equal(channels, [{ channel: channelTag('one'), position: at(3) }]);
    assert.is(channel.state, 'live');
    rig.client.close();
  });

  test('renews ticket and grants on the open socket at 80 % of their life', async () => {
    const rig = await setUp();
    await subscribe(rig, 'one');
    for (let passedMs = 0; passedMs < 479_000; passedMs += 10_000) {
      await rig.clock.advance(Math.min(10_000, 479_000 - passedMs));
      rig.socket().say({ type: 'revoked', channel: tagOf('other'), code: 'not_a_member' });
    }
    assert.is(rig.socket().sent.filter(({ type }) => type === 'refresh').length, 0);
    await rig.clock.advance(1_500);
    await until(() => rig.socket().sent.some(({ type }) => type === 'refresh'), { what: 'a refresh' });
    const { ref, ticket, grants } = rig.socket().last('refresh');
    assert.equal([ticket, grants], [`ticket.${rig.edge.connects}.x`, `grants.${rig.edge.connects}.x`]);
    rig.socket().say({ type: 'ok', ref });
    await settled();
    assert.is(rig.sockets.length, 1);
    rig.client.close();
  });

  test('renews the ticket alone when no channel is open, also after a failure', async () => {
    const rig = await setUp();
    rig.edge.failures.push(new Failure('unavailable'));
    const isRefreshed = () => rig.socket().sent.some(({ type }) => type === 'refresh');
    const pass = async (ms: number) => {
      await rig.clock.advance(ms);
      rig.socket().say({ type: 'revoked', channel: tagOf('other'), code: 'not_a_member' });
    };
    for (let passedMs = 0; passedMs < 470_000; passedMs += 10_000) await pass(10_000);
    assert.is(rig.edge.connects, 1);
    await pass(10_500);
    // The session is renewed besides, by a signature that takes its own time; no answer may be overdue meanwhile.
    await until(() => rig.edge.connects > 1, { what: 'a try in vain' });
    await until(() => pass(100).then(isRefreshed), { what: 'a refresh' });
    assert.is(rig.edge.connects, 3, 'at first, in vain, and again');
    const { ticket, grants } = rig.socket().last('refresh');
    assert.equal([ticket, grants], ['ticket.3.x', undefined]);
    rig.client.close();
  });

  test('connects anew when a refresh shows that the session is another one', async () => {
    const rig = await setUp();
    await subscribe(rig, 'one');
    const failing = rejectsWith(rig.client.channel('one').publish('a'), 'conflict');
    await settled();
    const { ref } = rig.socket().last('publish');
    rig.socket().say({ type: 'failed', ref, code: 'grant_expired', retry: 'new-ticket' });
    await until(() => rig.socket().sent.some(({ type }) => type === 'refresh'), { what: 'a refresh' });
    const refresh = rig.socket().last('refresh');
    rig.socket().say({ type: 'failed', ref: refresh.ref, code: 'ticket_refused', retry: 'new-ticket' });
    await settled();
    assert.ok(rig.socket().isDestroyed);
    await reconnect(rig);
    rig.client.close();
    await failing;
  });

  test('unsubscribes from a channel that is closed, and leaves the others', async () => {
    const rig = await setUp();
    const one = await subscribe(rig, 'one');
    const two = await subscribe(rig, 'two');
    one.close();
    assert.equal(rig.socket().last('unsubscribe').channels, [channelTag('one')]);
    await reconnect(rig);
    assert.equal(rig.edge.lastChannels, ['two']);
    assert.is.not(rig.client.channel('one'), one);
    assert.is(rig.client.channel('two'), two);
    rig.client.close();
  });

  test('begins after a position that was kept elsewhere', async () => {
    const rig = await setUp();
    const channel = rig.client.channel('one');
    const subscribed = channel.subscribe({ after: at(41) });
    await answerSubscribe(rig.socket(), at(41));
    await subscribed;
    assert.equal(rig.socket().last('subscribe').channels[0]?.position, at(41));
    assert.equal(channel.position, at(41));
    rig.client.close();
  });

  test('subscribes more than 100 channels in calls of 100', async () => {
    const rig = await setUp();
    const names = Array.from({ length: 101 }, (_, i) => `name-${i}`);
    const all = names.map((name) => rig.client.channel(name).subscribe());
    const isDone = Promise.all(all).then(() => true);
    await reconnect(rig);
    let isLive = false;
    void isDone.then(() => {
      isLive = true;
    });
    for (let calls = 0; calls < 4 && !isLive; calls += 1) await answerSubscribe(rig.socket(), at(0));
    await isDone;
    const sizes = rig
      .socket()
      .sent.flatMap((frame) => (frame.type === 'subscribe' ? [frame.channels.length] : []));
    assert.equal(sizes, [100, 1]);
    rig.client.close();
  });
});

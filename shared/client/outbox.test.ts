import * as assert from 'uvu/assert';
import { toBase64Url, utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { settled } from './test/manual-clock.ts';
import { answerSubscribe, at, reconnect, said, setUp, subscribe } from './test/rig.ts';
import { channelTag, OWN_MEMBER } from './test/scripted-edge.ts';
import { tagOf } from './test/scripted-socket.ts';

describe('publishing', ({ test }) => {
  test('publishes ciphertext and resolves with the position', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const published = channel.publish('hello', { id: tagOf('id') });
    await settled();
    const { ref, ...frame } = rig.socket().last('publish');
    assert.equal(frame, {
      type: 'publish',
      channel: channelTag('one'),
      id: tagOf('id'),
      data: toBase64Url(utf8('hello')),
    });
    rig.socket().say({ type: 'ok', ref, position: at(1) });
    assert.equal(await published, { id: tagOf('id'), position: at(1) });
    rig.client.close();
  });

  test('names the condition of a conditional message, and tells where the last one stands when it lost', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const lost = rejectsWith(channel.publish('commit', { ifCommit: at(0) }), 'conflict');
    await settled();
    const { ref, ifCommit } = rig.socket().last('publish');
    assert.equal(ifCommit, at(0));
    rig.socket().say({ type: 'failed', ref, code: 'conflict', retry: 'never', position: at(3) });
    assert.equal((await lost).position, at(3));
    rig.client.close();
  });

  test('sends unanswered messages again with the same ids, in order, after the replay', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const published = [channel.publish('a'), channel.publish('b')];
    await settled();
    const before = rig.socket().sent.filter(({ type }) => type === 'publish');
    const next = await reconnect(rig);
    assert.is(next.sent.filter(({ type }) => type === 'publish').length, 0);
    await answerSubscribe(next, at(0));
    const again = next.sent.flatMap((frame) => (frame.type === 'publish' ? [frame] : []));
    assert.equal(
      again.map(({ id }) => id),
      before.flatMap((frame) => (frame.type === 'publish' ? [frame.id] : [])),
    );
    for (const [i, { ref }] of again.entries()) next.say({ type: 'ok', ref, position: at(i + 1) });
    await Promise.all(published);
    rig.client.close();
  });

  test('recognises its own message in the replay and does not send it again', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const published = channel.publish('a', { id: tagOf('mine') });
    await settled();
    const next = await reconnect(rig);
    next.say({ ...said('one', 1, 'a'), id: tagOf('mine'), from: OWN_MEMBER });
    assert.equal(await published, { id: tagOf('mine'), position: at(1) });
    await answerSubscribe(next, at(1));
    assert.is(next.sent.filter(({ type }) => type === 'publish').length, 0);
    rig.client.close();
  });

  test('does not take a stranger’s message with its id for its own', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    let isPublished = false;
    const published = channel.publish('a', { id: tagOf('mine') }).then(() => {
      isPublished = true;
    });
    await settled();
    rig.socket().say({ ...said('one', 1, 'forged'), id: tagOf('mine'), from: tagOf('stranger') });
    await settled();
    assert.not(isPublished);
    rig.socket().say({ type: 'ok', ref: rig.socket().last('publish').ref, position: at(2) });
    await published;
    rig.client.close();
  });

  test('tries a message again after the pause the node asks for, with the same id', async () => {
    const rig = await setUp({ backoff: { baseMs: 100, capMs: 100 } });
    const channel = await subscribe(rig, 'one');
    const published = channel.publish('a');
    await settled();
    const { ref, id } = rig.socket().last('publish');
    rig.socket().say({ type: 'failed', ref, code: 'too_many_requests', retry: 'backoff', retryAfterMs: 500 });
    await rig.clock.advance(549);
    assert.is(rig.socket().last('publish').ref, ref);
    await rig.clock.advance(1);
    const again = rig.socket().last('publish');
    assert.is(again.id, id);
    assert.is.not(again.ref, ref);
    rig.socket().say({ type: 'ok', ref: again.ref, position: at(1) });
    await published;
    rig.client.close();
  });

  test('rejects a message the node refuses for good, and one that is out of time', async () => {
    const rig = await setUp({ publishTimeoutMs: 5_000 });
    const channel = await subscribe(rig, 'one');
    const refused = rejectsWith(channel.publish('a'), 'verb_not_granted');
    await settled();
    const { ref } = rig.socket().last('publish');
    rig.socket().say({ type: 'failed', ref, code: 'verb_not_granted', retry: 'never' });
    await refused;
    const late = rejectsWith(channel.publish('b'), 'unavailable');
    await rig.clock.advance(5_000);
    await late;
    rig.client.close();
  });

  test('keeps at most 64 messages unanswered on the connection, and 1,000 in all', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const all = Array.from({ length: 1_000 }, () => channel.publish('a').catch((error) => error));
    await settled();
    assert.is(rig.socket().sent.filter(({ type }) => type === 'publish').length, 64);
    await rejectsWith(channel.publish('one more'), 'pending_limit');
    rig.client.close();
    assert.ok(
      (await Promise.all(all)).every((error) => error instanceof Failure && error.code === 'conflict'),
    );
  });

  test('needs a subscription to publish', async () => {
    const { client } = await setUp();
    await rejectsWith(client.channel('one').publish('a'), 'not_subscribed');
    client.close();
  });

  test('takes a message back when told to, and does not send it again', async () => {
    const rig = await setUp();
    const channel = await subscribe(rig, 'one');
    const abort = new AbortController();
    const taken = rejectsWith(channel.publish('a', { signal: abort.signal }), 'forbidden');
    await settled();
    abort.abort(new Failure('forbidden'));
    await taken;
    const next = await reconnect(rig);
    await answerSubscribe(next, at(0));
    assert.is(next.sent.filter(({ type }) => type === 'publish').length, 0);
    await rejectsWith(channel.publish('b', { signal: abort.signal }), 'forbidden');
    rig.client.close();
  });

  test('stops waiting for a subscription when told to', async () => {
    const rig = await setUp();
    const abort = new AbortController();
    const channel = rig.client.channel('one');
    const waiting = rejectsWith(channel.subscribe({ signal: abort.signal }), 'forbidden');
    abort.abort(new Failure('forbidden'));
    await waiting;
    await answerSubscribe(rig.socket(), at(0));
    assert.is(channel.state, 'live');
    rig.client.close();
  });
});

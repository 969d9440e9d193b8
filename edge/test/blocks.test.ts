import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';
import { joinWithKeys } from './key-owner.ts';

describe('/v1/blocks', ({ test, beforeEach }) => {
  let edge: Harness;
  let ann: SignedIn;
  let ben: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    [ann, ben] = [await joinWithKeys(edge.client), await edge.client.join()];
  });

  const call = (who: SignedIn, method: string, path: string, body?: object) =>
    edge.client.call(path, { method, token: who.token, ...(body === undefined ? {} : { body }) });
  const block = (who: SignedIn, userId: string, note = '') =>
    call(who, 'PUT', `/v1/blocks/${userId}`, { note });
  const lookUp = async (who: SignedIn, users: readonly string[]) =>
    (await call(who, 'POST', '/v1/keys/lookup', { users, packages: true })).json;

  test('keeps whoever is blocked from looking up, as if there were nobody, and takes no package', async () => {
    const nobody = await lookUp(ben, [randomId()]);
    assert.is((await lookUp(ben, [ann.userId])).users.length, 1);
    assert.is((await block(ann, ben.userId)).status, 200);
    edge.trips.reset();
    const blocked = await lookUp(ben, [ann.userId]);
    assert.equal(blocked, nobody);
    assert.ok(edge.trips.turns <= 2);
    assert.not(edge.trips.calls.some((name) => name.includes('Package')));
    assert.is((await lookUp(await edge.client.join(), [ann.userId])).users.length, 1, 'others find her');
    assert.is((await call(ann, 'DELETE', `/v1/blocks/${ben.userId}`)).status, 200);
    assert.is((await lookUp(ben, [ann.userId])).users.length, 1, 'lifted');
  });

  test('lets nobody who is blocked bring the other into a channel, nor tells them', async () => {
    const channelId = await edge.client.createChannel(ben);
    const path = `/v1/channels/${channelId}/members`;
    const told = async (userId: string) => {
      const { status, json } = await call(ben, 'POST', path, { userId });
      return [status, Object.keys(json)];
    };
    const stranger = await edge.client.join();
    await block(ann, ben.userId);
    assert.equal(await told(ann.userId), await told(stranger.userId));
    const mayEnter = async (who: SignedIn) =>
      (await call(who, 'POST', '/v1/connect', { channels: [channelId] })).json.channels.length === 1;
    assert.not(await mayEnter(ann));
    assert.ok(await mayEnter(stranger));
    assert.is((await call(stranger, 'POST', path, { userId: ann.userId })).json.code, 'forbidden');
    const other = await call(ann, 'POST', path, { userId: ben.userId });
    assert.is(other.json.code, 'forbidden');
  });

  test('is listed to the one who blocks, with its note, and to nobody else', async () => {
    await block(ann, ben.userId, 'bm90ZQ');
    await block(ann, randomId());
    const { blocks } = (await call(ann, 'GET', '/v1/blocks')).json;
    assert.equal(blocks.map(({ note }: { note: string }) => note).sort(), ['', 'bm90ZQ']);
    assert.equal((await call(ben, 'GET', '/v1/blocks')).json, { blocks: [] });
    assert.not(JSON.stringify(blocks).includes(ben.userId));
    await block(ann, ben.userId, 'bmV3');
    assert.is((await call(ann, 'GET', '/v1/blocks')).json.blocks.length, 2, 'a repeat is the same block');
  });

  test('is refused for oneself and for notes of another form', async () => {
    assert.is((await block(ann, ann.userId)).json.code, 'conflict');
    for (const note of ['a b', 'x'.repeat(1_025)])
      assert.is((await block(ann, ben.userId, note)).json.code, 'bad_request');
  });

  test('fails closed: without an answer of the origin nobody is looked up', async () => {
    edge.origin.findBlocks = () => Promise.reject(new Error('planted'));
    const { status } = await call(ben, 'POST', '/v1/keys/lookup', { users: [ann.userId], packages: false });
    assert.ok(status >= 500);
  });
});

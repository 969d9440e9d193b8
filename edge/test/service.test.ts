import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';

describe('service accounts', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: SignedIn;
  let backend: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    owner = await edge.client.join();
    backend = await edge.client.join();
    channelId = await edge.client.createChannel(owner);
    await edge.client.call(`/v1/channels/${channelId}/members`, {
      token: owner.token,
      body: { userId: backend.userId },
    });
    await setRole('service');
    edge.trips.reset();
  });

  const setRole = (role: string) =>
    edge.client.call(`/v1/channels/${channelId}/members/${backend.userId}/role`, {
      method: 'PUT',
      token: owner.token,
      body: { role },
    });
  const message = (over: object = {}) => ({ id: randomId(), data: 'c2VhbGVk', ...over });
  const publish = (body: object, { token }: SignedIn = backend, where = channelId) =>
    edge.client.call(`/v1/channels/${where}/messages`, { token, body });
  const count = ({ token }: SignedIn = backend) =>
    edge.client.call(`/v1/channels/${channelId}/presence`, { token });

  test('publish as a member of the channel, in two trips, and a repeat is the same message', async () => {
    const body = message();
    const { status, json } = await publish(body);
    assert.equal([status, json], [201, { position: { epoch: 'memory', offset: 1 } }]);
    assert.is(edge.trips.turns, 2);
    assert.equal((await publish(body)).json, { position: { epoch: 'memory', offset: 1 }, duplicate: true });
    const [{ channel, member, ...rest }] = edge.origin.published as [(typeof edge.origin.published)[0]];
    assert.equal(rest, body);
    assert.not(JSON.stringify([channel, member]).includes(channelId));
  });

  test('publish what is kept nowhere, and on a condition', async () => {
    assert.equal((await publish(message({ ephemeral: true }))).json, {});
    assert.is(edge.origin.published.length, 0);
    assert.is((await publish(message({ ifCommit: { epoch: 'memory', offset: 0 } }))).status, 201);
    const { status, json } = await publish(message({ ifCommit: { epoch: 'memory', offset: 0 } }));
    assert.equal([status, json.code], [409, 'conflict']);
  });

  test('count who is present', async () => {
    assert.equal((await count()).json, { present: 3 });
    assert.is(edge.trips.turns, 2);
  });

  test('are who the owner says, where the owner says, for as long as the owner says', async () => {
    const other = await edge.client.createChannel(owner);
    for (const call of [
      publish(message(), owner),
      count(owner),
      publish(message(), backend, other),
      publish(message(), backend, randomId()),
    ]) {
      const { status, json } = await call;
      assert.equal([status, json.code], [403, 'forbidden']);
    }
    await setRole('member');
    assert.is((await publish(message())).json.code, 'forbidden');
    assert.is(edge.origin.published.length, 0);
  });

  test('remove and ban members, and nobody above', async () => {
    const member = await edge.client.join();
    await edge.client.call(`/v1/channels/${channelId}/members`, {
      token: owner.token,
      body: { userId: member.userId },
    });
    const ban = (userIds: string[]) =>
      edge.client.call(`/v1/channels/${channelId}/bans`, { token: backend.token, body: { userIds } });
    assert.is((await ban([member.userId])).status, 200);
    assert.is((await ban([owner.userId])).json.code, 'forbidden');
    const removal = { method: 'DELETE', token: backend.token } as const;
    assert.is(
      (await edge.client.call(`/v1/channels/${channelId}/members/${owner.userId}`, removal)).json.code,
      'forbidden',
    );
  });

  test('may call more often than people, within a budget of their own', async () => {
    for (let i = 0; i < 150; i += 1) assert.is((await publish(message())).status, 201, String(i));
  });

  test('refuse what is no message', async () => {
    for (const over of [
      { id: 'short' },
      { id: 'x'.repeat(40) },
      { data: '' },
      { data: 'in clear!' },
      { data: 'a'.repeat(61_441) },
      { ifCommit: 3 },
      { to: 'you' },
    ])
      assert.is((await publish(message(over))).json.code, 'bad_request', JSON.stringify(over).slice(0, 60));
  });
});

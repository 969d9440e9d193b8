import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness, testEnv } from './harness.ts';
import { joinWithKeys, lookUp } from './key-owner.ts';

/** The steps of the runbook (deploy/runbooks/ban-keys.md), over the same stores. */
describe('a rotation of the ban keys', ({ test, before }) => {
  const [old, fresh] = [`1:${randomId(32)}`, `2:${randomId(32)}`];
  let restart: (banKeys: string) => Promise<void>;
  let edge: Harness;
  let operator: SignedIn;
  let people: Record<'banned' | 'expelled' | 'newcomer', SignedIn>;
  let channelId: string;
  before(async () => {
    const env = await testEnv();
    const device = await createDevice();
    restart = async (banKeys) => {
      const more = { HUSHWIRE_EDGE_OPERATORS: device.deviceId, HUSHWIRE_EDGE_BAN_KEYS: banKeys };
      edge = await createHarness({ ...env, ...more }, edge);
    };
    await restart(old);
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const { json } = await edge.client.call('/v1/accounts', {
      body: { publicKey: device.publicKey, assertion },
    });
    operator = await edge.client.signIn({ device, userId: json.userId });
    const [banned, expelled, newcomer] = [await joinWithKeys(edge.client), await join(), await join()];
    assert.is((await lookUp(edge.client, operator, [banned.userId])).json.users.length, 1);
    people = { banned, expelled, newcomer };
    channelId = await edge.client.createChannel(operator);
    await add(expelled);
    await ban('/v1/bans', banned);
    await ban(`/v1/channels/${channelId}/bans`, expelled);
  });

  const join = () => edge.client.join();
  const { stringify } = JSON;
  const call = async (path: string, body: object, { token }: SignedIn = operator) =>
    edge.client.call(path, { token, body });
  const ban = async (path: string, who: SignedIn) => {
    const { status, json } = await call(path, { userIds: [who.userId] });
    assert.is(status, 200, stringify(json));
  };
  const add = ({ userId }: SignedIn) => call(`/v1/channels/${channelId}/members`, { userId });
  const signInCode = async ({ device, userId }: SignedIn) => {
    const assertion = await edge.client.assertion(device, { purpose: 'sign-in', sub: userId });
    return (await edge.client.call('/v1/sessions', { body: { assertion } })).json.code;
  };
  const channelsOf = async (who: SignedIn) =>
    (await call('/v1/connect', { channels: [channelId] }, who)).json.channels;
  /** At sign-in, look-up, connect, and where somebody would add them again; warm and with an emptied state Redis. */
  const hold = async () => {
    const { banned, expelled } = people;
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      assert.is(await signInCode(banned), 'credentials_refused');
      const found = await lookUp(edge.client, operator, [banned.userId]);
      assert.equal(found.json.users, []);
      assert.equal(await channelsOf(expelled), []);
      assert.is((await add(expelled)).json.code, 'conflict');
    }
  };
  const versions = () => [...edge.origin.moderation.bans.values()].map(({ keyVersion }) => keyVersion).sort();

  test('keeps what was banned before it out, and bans under the new key', async () => {
    await hold();
    assert.equal(versions(), [1, 1]);
    await restart(`${fresh},${old}`);
    await hold();
    await ban('/v1/bans', people.newcomer);
    assert.is(await signInCode(people.newcomer), 'credentials_refused');
    assert.equal(versions(), [1, 1, 2]);
  });

  test('ends when all are placed again: the old key goes, and the bans stay', async () => {
    await ban('/v1/bans', people.banned);
    await ban(`/v1/channels/${channelId}/bans`, people.expelled);
    assert.equal(versions(), [2, 2, 2]);
    await restart(fresh);
    await hold();
    assert.is(await signInCode(people.newcomer), 'credentials_refused');
  });

  test('lifts by the new key alone what was placed again', async () => {
    await call('/v1/bans/lift', { userIds: [people.banned.userId, people.newcomer.userId] });
    await call(`/v1/channels/${channelId}/bans/lift`, { userIds: [people.expelled.userId] });
    assert.equal(versions(), []);
    assert.is(await signInCode(people.banned), undefined);
    assert.is((await add(people.expelled)).status, 201);
  });
});

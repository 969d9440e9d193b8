import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { NewAccount, NewChannel, NewSession } from '../../shared/internal.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { OriginApi } from '../ports.ts';

/** What every OriginApi promises (ports.ts); `origin()` is called inside tests, when it is running. */
export function originContract({ test }: Suite, origin: () => OriginApi): void {
  const requestId = randomId();

  test('creates an account with its first device, once', async () => {
    const account = newAccount();
    assert.equal(await origin().createAccount(account, requestId), { result: 'created' });
    assert.equal(await origin().createAccount(account, requestId), { result: 'exists' });
    const { devices } = await origin().read({ devices: [account.device.device] }, requestId);
    assert.equal(devices, {
      [account.device.device]: { sealed: account.device.sealed, version: 1, account: account.account },
    });
  });

  test('creates a session of a device, and none of a device that is not there or not of the account', async () => {
    const account = newAccount();
    await origin().createAccount(account, requestId);
    const session = newSession(account);
    assert.equal(await origin().createSession(session, requestId), { result: 'created' });
    assert.equal(await origin().createSession(session, requestId), { result: 'exists' });
    for (const wrong of [
      { ...newSession(account), device: randomId() },
      { ...newSession(account), account: randomId() },
    ])
      assert.equal(await origin().createSession(wrong, requestId), { result: 'missing' });
    const { sessions } = await origin().read({ sessions: [session.session] }, requestId);
    const { device, account: owner, sealed, expiresOn } = session;
    assert.equal(sessions[session.session], { device, account: owner, sealed, expiresOn, version: 1 });
  });

  test('creates a channel with its owner, and members only in channels that are there', async () => {
    const channel = newChannel();
    assert.equal(await origin().createChannel(channel, requestId), { result: 'created' });
    const other = { ...newChannel(), channel: channel.channel };
    assert.equal(await origin().createChannel(other, requestId), { result: 'exists' });
    const member = { channel: channel.channel, member: randomId(), sealed: sealed() };
    assert.equal(await origin().addMember(member, requestId), { result: 'created' });
    assert.equal(await origin().addMember({ ...member, sealed: sealed() }, requestId), { result: 'exists' });
    assert.equal(await origin().addMember({ ...member, channel: randomId() }, requestId), {
      result: 'missing',
    });
    const tags = [channel.owner.member, member.member, other.owner.member, randomId()];
    const { members } = await origin().read({ members: tags }, requestId);
    assert.equal(Object.keys(members).sort(), [channel.owner.member, member.member].sort());
    assert.is(members[member.member]?.sealed, member.sealed);
  });

  test('lets one of many simultaneous creations win', async () => {
    const { channel } = newChannel();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => origin().createChannel({ ...newChannel(), channel }, requestId)),
    );
    assert.is(answers.filter(({ result }) => result === 'created').length, 1);
    assert.is(answers.filter(({ result }) => result === 'exists').length, 9);
  });

  test('reads a full house at once, and nothing for what is not there', async () => {
    const account = newAccount();
    await origin().createAccount(account, requestId);
    const members = Array.from({ length: 100 }, () => randomId());
    const request = { devices: [account.device.device], sessions: [randomId()], members };
    const answer = await origin().read(request, requestId);
    assert.equal(Object.keys(answer.devices), [account.device.device]);
    assert.equal(answer.sessions, {});
    assert.equal(answer.members, {});
  });

  test('lists nodes', async () => {
    const { nodes } = await origin().nodes(requestId);
    assert.ok(nodes.length > 0);
    for (const { node, url, isDraining } of nodes) {
      assert.ok(node.length > 0);
      assert.match(url, /^wss?:\/\//);
      assert.is(isDraining, false);
    }
  });
}

function sealed(): string {
  return `1.${randomId(64)}`;
}

function newAccount(): NewAccount {
  return {
    account: randomId(),
    sealed: sealed(),
    createdOn: '2026-11-23',
    device: { device: randomId(), sealed: sealed() },
  };
}

function newSession({ account, device }: NewAccount): NewSession {
  return { session: randomId(), device: device.device, account, sealed: sealed(), expiresOn: '2099-12-31' };
}

function newChannel(): NewChannel {
  return {
    channel: randomId(),
    sealed: sealed(),
    createdOn: '2026-11-23',
    owner: { member: randomId(), sealed: sealed() },
  };
}

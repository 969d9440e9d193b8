import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { NewAccount, NewSession, Proof } from '../../shared/internal/accounts.ts';
import type { NewChannel } from '../../shared/internal/channels.ts';
import { DEVICES_MAX, type RevocationTarget } from '../../shared/internal/devices.ts';
import { LIMITS } from '../../shared/limits.ts';
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

  test('counts the accounts an invitation lets in, of many at once no more than it may', async () => {
    const invitation = { invitation: randomId(), uses: 3, expiresOn: '2099-12-31' };
    const accounts = Array.from({ length: 10 }, () => ({ ...newAccount(), invitation }));
    const create = async (account: NewAccount) => (await origin().createAccount(account, requestId)).result;
    const results = await Promise.all(accounts.map(create));
    assert.equal([...results].sort(), [...Array(3).fill('created'), ...Array(7).fill('used-up')]);
    for (const [i, account] of accounts.entries()) {
      const wanted = results[i] === 'created' ? 'exists' : 'used-up';
      assert.is(await create(account), wanted);
      const { device } = account.device;
      const { devices } = await origin().read({ devices: [device] }, requestId);
      assert.is(devices[device] === undefined, wanted === 'used-up');
    }
    assert.is(await create({ ...newAccount(), invitation: { ...invitation, uses: 4 } }), 'created');
    assert.is(await create(newAccount()), 'created');
  });

  test('an account that is there belongs to its devices, and is taken for every other', async () => {
    const account = newAccount();
    const other = { ...account, device: newAccount().device };
    assert.is((await origin().createAccount(account, requestId)).result, 'created');
    assert.is((await origin().createAccount(account, requestId)).result, 'exists');
    assert.is((await origin().createAccount(other, requestId)).result, 'taken');
    const { devices } = await origin().read({ devices: [other.device.device] }, requestId);
    assert.is(devices[other.device.device], undefined);
  });

  test('renews a session, never back to an older record, and none that is not there', async () => {
    const account = newAccount();
    const session = newSession(account);
    await origin().createAccount(account, requestId);
    await origin().createSession(session, requestId);
    const renewal = (version: number) => {
      const { session: tag, device } = session;
      return { session: tag, device, sealed: sealed(), version };
    };
    const third = renewal(3);
    assert.equal(await origin().renewSession(third, requestId), { result: 'created' });
    for (const late of [third, renewal(2), renewal(3)])
      assert.equal(await origin().renewSession(late, requestId), { result: 'exists' });
    for (const wrong of [{ session: randomId() }, { device: randomId() }])
      assert.equal(await origin().renewSession({ ...renewal(4), ...wrong }, requestId), {
        result: 'missing',
      });
    const { sessions } = await origin().read({ sessions: [session.session] }, requestId);
    const row = sessions[session.session];
    assert.equal([row?.version, row?.sealed], [3, third.sealed]);
  });

  test('adds devices up to the limit, each once, and only for a device of the account', async () => {
    const { account, device } = newAccount();
    await origin().createAccount({ ...newAccount(), account, device }, requestId);
    const added = () => ({ account, approver: device.device, device: randomId(), sealed: sealed() });
    const first = added();
    assert.equal(await origin().addDevice(first, requestId), { result: 'created' });
    assert.equal(await origin().addDevice(first, requestId), { result: 'exists' });
    const stranger = { ...added(), approver: randomId() };
    assert.equal(await origin().addDevice(stranger, requestId), { result: 'missing' });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => origin().addDevice(added(), requestId)),
    );
    assert.is(answers.filter(({ result }) => result === 'created').length, DEVICES_MAX - 2);
    assert.is(answers.filter(({ result }) => result === 'full').length, 8 - (DEVICES_MAX - 2));
    const { devices } = await origin().belongings(account, requestId);
    assert.is(Object.keys(devices).length, DEVICES_MAX);
    assert.equal(devices[first.device], { ...devices[first.device], sealed: first.sealed, version: 1 });
  });

  test('ends sessions, devices and accounts of who asks, and says so again', async () => {
    const account = newAccount();
    await origin().createAccount(account, requestId);
    const [own, second, third] = [newSession(account), newSession(account), newSession(account)];
    for (const session of [own, second, third]) await origin().createSession(session, requestId);
    const laptop = { account: account.account, approver: own.device, device: randomId(), sealed: sealed() };
    await origin().addDevice(laptop, requestId);
    const ask = (target: RevocationTarget, by = own.session) =>
      origin().revoke({ account: account.account, by, ...target }, requestId);
    const ended = (sessions: string[], devices: string[] = []) => ({ result: 'revoked', sessions, devices });

    for (const _ of [1, 2])
      assert.equal(await ask({ what: 'session', session: second.session }), ended([second.session]));
    assert.is((await ask({ what: 'session', session: randomId() })).result, 'missing');
    assert.is((await ask({ what: 'sessions' }, second.session)).result, 'refused');
    const { sessions } = await ask({ what: 'sessions', except: own.session });
    assert.equal([...sessions].sort(), [second.session, third.session].sort());
    for (const _ of [1, 2])
      assert.equal(await ask({ what: 'device', device: laptop.device }), ended([], [laptop.device]));
    assert.equal(await origin().addDevice(laptop, requestId), { result: 'revoked' });
    assert.is((await ask({ what: 'device', device: own.device })).result, 'last');
    const left = await origin().belongings(account.account, requestId);
    assert.equal([Object.keys(left.devices), Object.keys(left.sessions)], [[own.device], [own.session]]);
    for (const _ of [1, 2]) {
      const { result, devices } = await ask({ what: 'account' });
      assert.equal([result, [...devices].sort()], ['revoked', [own.device, laptop.device].sort()]);
    }
    assert.equal(await origin().createAccount(account, requestId), { result: 'missing' });
  });

  test('keeps a TOTP record by version, and opens sessions only for who agrees on it', async () => {
    const account = newAccount();
    await origin().createAccount(account, requestId);
    const change = { account: account.account, sealed: sealed(), version: 1, codes: [], used: [] };
    const totp = { sealed: change.sealed, version: 1 };
    assert.equal(await origin().changeTotp(change, requestId), { result: 'created' });
    assert.equal(await origin().changeTotp(change, requestId), { result: 'exists' });
    const stale = { result: 'stale', totp };
    assert.equal(await origin().changeTotp({ ...change, sealed: sealed() }, requestId), stale);
    assert.equal(await origin().changeTotp({ ...change, account: randomId() }, requestId), {
      result: 'missing',
    });
    assert.equal((await origin().read({ totp: [change.account] }, requestId)).totp, {
      [change.account]: totp,
    });
    assert.equal(await origin().createSession(newSession(account), requestId), stale);
    const session = { ...newSession(account), factor: { version: 1 } };
    assert.equal(await origin().createSession(session, requestId), { result: 'created' });
  });

  test('lets a step and a recovery code pass once, and counts what is wrong', async () => {
    const account = newAccount();
    const [mark, code] = [randomId(), randomId()];
    await origin().createAccount(account, requestId);
    const change = { account: account.account, sealed: sealed(), version: 1, codes: [code], used: [] };
    await origin().changeTotp(change, requestId);
    const attempt = (proof: Proof) => {
      const { device } = account.device;
      const asked = { account: account.account, device, version: 1, attempt: { seen: 0, proof } };
      return origin().attempt(asked, requestId);
    };
    const step = { kind: 'step', mark, earlier: randomId() } as const;
    assert.equal(await attempt(step), { result: 'passed' });
    assert.equal(await attempt(step), { result: 'refused', failures: 0 });
    assert.equal(await attempt({ kind: 'wrong' }), { result: 'refused', failures: 1 });
    assert.equal(await attempt({ kind: 'recovery', code }), { result: 'passed' });
    for (const failures of [1, 2, 3, 4, 5, 5])
      assert.equal(await attempt({ kind: 'recovery', code }), { result: 'refused', failures });
  });

  test('appends to a key log what follows its newest entry, and reads it back', async () => {
    const { account, by, device } = await signedIn(origin());
    const entries = [1, 2, 3].map((sequence) => ({ sequence, link: randomId(), sealed: sealed() }));
    const append = (i: number, change: object = {}) => {
      const [entry, before] = [entries[i], entries[i - 1]];
      if (entry === undefined) throw new RangeError('No such entry');
      const previous = before === undefined ? {} : { previous: before.link };
      return origin().appendEntry(
        { account, by, devices: [device], ...entry, ...previous, ...change },
        requestId,
      );
    };
    assert.equal(await append(1), { result: 'stale' });
    for (const i of [0, 1]) {
      assert.equal(await append(i), { result: 'created' });
      assert.equal(await append(i), { result: 'exists' });
    }
    for (const change of [{ link: randomId() }, { link: randomId(), previous: randomId() }])
      assert.equal(await append(1, change), { result: 'stale' });
    assert.equal(await append(2, { by: randomId() }), { result: 'refused' });
    assert.equal(await append(2, { devices: [device, randomId()] }), { result: 'missing' });
    const stored = entries.slice(0, 2).map((entry) => ({ sealed: entry.sealed, version: entry.sequence }));
    assert.equal(await origin().readLog({ account, after: 0 }, requestId), { entries: stored });
    assert.equal(await origin().readLog({ account, after: 1 }, requestId), { entries: stored.slice(1) });
    assert.equal(await origin().readLog({ account: randomId(), after: 0 }, requestId), { entries: [] });
    const read = await origin().read({ entries: [account, randomId()] }, requestId);
    assert.equal(read.entries, { [account]: stored[1] });
  });

  test('begins an account anew with one device, as the next entry of its log says', async () => {
    const { account, by, device } = await signedIn(origin());
    const [first, link] = [randomId(), randomId()];
    const anew = () => ({ device: randomId(), sealed: sealed() });
    const asked = { account, device: anew(), sequence: 2, link, previous: first, sealed: sealed() };
    const recover = (change: object = {}) => origin().recover({ ...asked, ...change }, requestId);
    assert.equal(await recover(), { result: 'stale', devices: [] });
    await origin().appendEntry(
      { account, by, devices: [device], sequence: 1, link: first, sealed: sealed() },
      requestId,
    );
    assert.equal(await recover({ previous: randomId() }), { result: 'stale', devices: [] });
    assert.equal(await recover({ sequence: 3 }), { result: 'stale', devices: [] });
    assert.equal(await recover({ device: { device, sealed: sealed() } }), { result: 'taken', devices: [] });
    assert.equal(await recover(), { result: 'created', devices: [device] });
    assert.equal(await recover(), { result: 'exists', devices: [device] });
    assert.equal(await recover({ device: anew(), link: randomId() }), { result: 'stale', devices: [] });
    const back = { device: { device, sealed: sealed() }, sequence: 3, link: randomId(), previous: link };
    assert.equal(await recover(back), { result: 'taken', devices: [] });
    const left = await origin().belongings(account, requestId);
    assert.equal([Object.keys(left.devices), left.sessions], [[asked.device.device], {}]);
    const { entries } = await origin().readLog({ account, after: 1 }, requestId);
    assert.equal(entries, [{ version: 2, sealed: asked.sealed }]);
  });

  test('keeps key packages by upload, and gives each out once', async () => {
    const owner = await signedIn(origin());
    const [list, packages, lastResort] = [randomId(), [sealed(), sealed(), sealed()], sealed()];
    const add = (version: number, change: object = {}) =>
      origin().addPackages({ ...owner, version, list, packages, isReplacing: false, ...change }, requestId);
    const claim = (most: number) => origin().claimPackages({ lists: [list, randomId()], most }, requestId);
    assert.equal(await add(1, { lastResort }), { result: 'created', version: 1, left: 3 });
    assert.equal(await claim(2), { packages: { [list]: packages.slice(0, 2) }, lastResorts: {} });
    assert.equal(await add(1), { result: 'exists', version: 1, left: 1 });
    assert.equal(await add(3), { result: 'stale', version: 1, left: 1 });
    assert.equal(await add(2, { by: randomId() }), { result: 'refused', version: 1, left: 1 });
    const many = Array.from({ length: 100 }, sealed);
    assert.equal(await add(2, { packages: many }), { result: 'full', version: 1, left: 1 });
    assert.equal(await claim(2), { packages: { [list]: packages.slice(2) }, lastResorts: {} });
    assert.equal(await claim(1), { packages: {}, lastResorts: { [list]: lastResort } });
    assert.equal(await add(2), { result: 'created', version: 2, left: 3 });
    assert.equal(await add(3, { packages: many, isReplacing: true }), {
      result: 'created',
      version: 3,
      left: 100,
    });
    assert.equal(await origin().readStock(owner.device, requestId), { version: 3, left: 100 });
    assert.equal(await origin().readStock(randomId(), requestId), { version: 0, left: 0 });
    assert.equal(await add(4, { list: randomId() }), { result: 'created', version: 4, left: 3 });
    assert.equal(await claim(1), { packages: {}, lastResorts: {} });
  });

  test('keeps the list of an account by version', async () => {
    const { account, by } = await signedIn(origin());
    const write = (version: number, data: string, session = by) =>
      origin().writeList({ account, by: session, version, data }, requestId);
    assert.equal(await origin().readList(account, requestId), { version: 0, data: '' });
    assert.equal(await write(2, 'AAAA'), { result: 'stale', version: 0 });
    assert.equal(await write(1, 'AAAA', randomId()), { result: 'refused', version: 0 });
    assert.equal(await write(1, 'AAAA'), { result: 'created', version: 1 });
    assert.equal(await write(1, 'AAAA'), { result: 'exists', version: 1 });
    assert.equal(await write(1, 'BBBB'), { result: 'stale', version: 1 });
    const largest = 'A'.repeat(LIMITS.dataChars);
    assert.equal(await write(2, largest), { result: 'created', version: 2 });
    assert.equal(await origin().readList(account, requestId), { version: 2, data: largest });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => write(3, `CCC${i}`)));
    assert.is(answers.filter(({ result }) => result === 'created').length, 1);
    await origin().revoke({ account, by, what: 'account' }, requestId);
    assert.equal(await origin().readList(account, requestId), { version: 0, data: '' });
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

async function signedIn(origin: OriginApi): Promise<{ account: string; device: string; by: string }> {
  const account = newAccount();
  const session = newSession(account);
  await origin.createAccount(account, randomId());
  await origin.createSession(session, randomId());
  return { account: account.account, device: session.device, by: session.session };
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

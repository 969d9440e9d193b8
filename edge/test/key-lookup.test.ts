import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { readEntry, signEntry } from '../../shared/key-log.ts';
import { LIMITS } from '../../shared/limits.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createVerifier } from '../../shared/token.ts';
import { DAY_MS } from '../days.ts';
import type { Answer, SignedIn } from './client.ts';
import { createHarness, type Harness, PUBLIC_URL } from './harness.ts';
import { append, joinWithKeys, type KeyOwner, keysOf, lookUp, newPackages, upload } from './key-owner.ts';

describe('PUT /v1/keys', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: KeyOwner;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await joinWithKeys(edge.client);
  });
  const stock = async (token = alice.token) => (await edge.client.call('/v1/keys/stock', { token })).json;

  test('brings packages in one trip, once, and tells when there are few', async () => {
    assert.equal(await stock(), { version: 0, stock: 0, isLow: true });
    const packages = newPackages(LIMITS.keyPackagesLow);
    for (const _ of [1, 2]) {
      edge.trips.reset();
      const { json } = await upload(edge.client, alice, { version: 1, packages });
      assert.equal(json, { version: 1, stock: packages.length, isLow: false });
      assert.equal(edge.trips.calls, ['origin.addPackages']);
    }
    await lookUp(edge.client, alice, [alice.userId]);
    assert.is((await stock()).isLow, true);
  });

  test('refuses another number than the next one, and more than a device may have', async () => {
    const packages = newPackages(60);
    for (const version of [2, 3])
      assert.is((await upload(edge.client, alice, { version, packages })).json.code, 'conflict');
    await upload(edge.client, alice, { version: 1, packages });
    assert.is((await upload(edge.client, alice, { version: 2, packages })).json.code, 'conflict');
    const replaced = await upload(edge.client, alice, { version: 2, packages, replaces: true });
    assert.equal(replaced.json, { version: 2, stock: 60, isLow: false });
  });

  test('holds sizes and counts at their limits', async () => {
    const [largest, larger] = [4096, 4097].map((bytes) => 'A'.repeat(Math.ceil((bytes * 4) / 3)));
    const of = async (body: object) => (await upload(edge.client, alice, body)).status;
    assert.is(
      await of({ version: 1, packages: Array.from({ length: 11 }, () => largest), lastResort: largest }),
      413,
    );
    assert.is(
      await of({ version: 1, packages: Array.from({ length: 10 }, () => largest), lastResort: largest }),
      200,
    );
    for (const wrong of [
      { packages: [larger] },
      { packages: ['A'] },
      { packages: ['AAAAA'] },
      { packages: ['A+/='] },
      { packages: Array.from({ length: 101 }, () => 'AAAA') },
      { packages: [], lastResort: '' },
      { packages: [], replaces: false },
      { packages: [], version: 0 },
      { packages: [], identityKey: 'A'.repeat(343) },
      { packages: [], more: 1 },
    ])
      assert.is(await of({ version: 2, ...wrong }), 400, JSON.stringify(wrong).slice(0, 40));
  });

  test('is for live sessions only', async () => {
    await edge.client.call('/v1/sessions/current', { method: 'DELETE', token: alice.token });
    const { json } = await upload(edge.client, alice, { version: 1, packages: newPackages(1) });
    assert.is(json.code, 'session_ended');
    assert.is((await stock()).code, 'session_ended');
  });
});

describe('POST /v1/keys/lookup', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: KeyOwner;
  let bob: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await joinWithKeys(edge.client);
    bob = await edge.client.join();
  });
  const ask = (...users: string[]) => lookUp(edge.client, bob, users);
  const offered = ({ json }: Answer) => json.users[0]?.devices[0]?.package as string | undefined;
  const isLast = ({ json }: Answer) => json.users[0]?.devices[0]?.isLastResort === true;

  test('gives out each package once, then the last resort', async () => {
    const [packages, lastResort] = [newPackages(25), randomId(300)];
    await upload(edge.client, alice, { version: 1, packages, lastResort });
    const got = [];
    for (let i = 0; i < 25; i += 1) got.push(offered(await ask(alice.userId)));
    assert.equal([...got].sort(), [...packages].sort());
    for (const _ of [1, 2]) {
      const answer = await ask(alice.userId);
      assert.equal([offered(answer), isLast(answer)], [lastResort, true]);
    }
  });

  test('takes two trips when warm, and three at most', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(60), lastResort: 'AAAA' });
    const turns = async (users: string[]) => {
      edge.trips.reset();
      await lookUp(edge.client, bob, users);
      return edge.trips.turns;
    };
    edge.state.empty();
    assert.is(await turns([alice.userId]), 3);
    assert.is(await turns([alice.userId]), 3);
    for (let i = 0; i < 9; i += 1) assert.is(await turns([alice.userId]), 2);
    const asked = ['origin.findBlocks', 'state.look', 'state.stocked', 'state.takePackages'];
    assert.equal(edge.trips.calls.toSorted(), asked);
    assert.ok((await turns([alice.userId, randomId()])) <= 3);
  });

  test('takes one trip when it takes no packages and all is warm', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(1) });
    await ask(alice.userId);
    edge.trips.reset();
    const answer = await lookUp(edge.client, bob, [alice.userId], false);
    assert.is(offered(answer), undefined);
    assert.equal(edge.trips.calls.toSorted(), ['origin.findBlocks', 'state.look']);
    assert.is(edge.trips.turns, 1);
    assert.ok(answer.json.grants);
  });

  test('gives two hundred who ask at once packages that nobody else gets, and all of them in the end', async () => {
    const [packages, lastResort] = [newPackages(60), randomId(300)];
    await upload(edge.client, alice, { version: 1, packages, lastResort });
    const askers = [bob, ...(await Promise.all([1, 2, 3].map(() => edge.client.join())))];
    const answers = [await ask(alice.userId), await ask(alice.userId)];
    const crowd = Array.from({ length: 200 }, (_, i) =>
      lookUp(edge.client, askers[i % 4] ?? bob, [alice.userId]),
    );
    answers.push(...(await Promise.all(crowd)));
    for (let i = 0; i < 10; i += 1) answers.push(await ask(alice.userId));
    const fresh = answers.filter((answer) => !isLast(answer)).map(offered);
    assert.equal([...fresh].sort(), [...packages].sort());
    assert.is(answers.filter((answer) => offered(answer) === lastResort).length, 212 - 60);
  });

  test('gives nothing out twice when the state Redis loses everything', async () => {
    const packages = newPackages(30);
    await upload(edge.client, alice, { version: 1, packages });
    const got = [];
    for (let i = 0; i < 40; i += 1) {
      if (i % 3 === 0) edge.state.empty();
      got.push(offered(await ask(alice.userId)));
    }
    const given = got.filter((item) => item !== undefined);
    assert.is(new Set(given).size, given.length);
    assert.ok(given.length >= 3 && given.every((item) => packages.includes(item)));
  });

  test('drops packages that are replaced, also those that were claimed', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(20) });
    for (const _ of [1, 2]) await ask(alice.userId);
    const [fresh = ''] = newPackages(1);
    await upload(edge.client, alice, { version: 2, packages: [fresh], replaces: true });
    assert.is(offered(await ask(alice.userId)), fresh);
    assert.is(offered(await ask(alice.userId)), undefined);
  });

  test('gives out no package of an identity key that the log no longer names', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(5), lastResort: 'AAAA' });
    await ask(alice.userId);
    const { hash } = await readEntry(alice.entry);
    const entry = await signEntry(
      { sub: alice.userId, sequence: 2, previous: hash, devices: [keysOf(alice.device, 'BBBB')] },
      { key: alice.device.privateKey, deviceId: alice.device.deviceId },
    );
    await append(edge.client, alice, { entry, previous: alice.entry });
    assert.is(offered(await ask(alice.userId)), undefined);
    const [fresh = ''] = newPackages(1);
    await upload(edge.client, { ...alice, identityKey: 'BBBB' }, { version: 2, packages: [fresh] });
    assert.is(offered(await ask(alice.userId)), fresh);
  });

  test('answers for a hundred users at once, and leaves out who has no keys or does not exist', async () => {
    const owners = await Promise.all(Array.from({ length: 5 }, () => joinWithKeys(edge.client)));
    const users = [...owners.map(({ userId }) => userId), bob.userId];
    const strangers = Array.from({ length: LIMITS.usersPerLookup - 7 }, () => randomId());
    const { json } = await ask(...users, ...strangers, users[0] ?? '');
    const found = json.users.map(({ userId }: { userId: string }) => userId);
    assert.equal(found.sort(), owners.map(({ userId }) => userId).sort());
    const many = Array.from({ length: LIMITS.usersPerLookup + 1 }, () => randomId());
    for (const wrong of [many, [], ['x']]) assert.is((await ask(...wrong)).json.code, 'bad_request');
    assert.equal((await ask(bob.userId, randomId())).json, { users: [] });
  });

  test('grants the mailboxes of these devices to this session, under a sender of the day', async () => {
    const keys = (await edge.client.call('/.well-known/jwks.json')).json;
    const verifier = createVerifier(PUBLIC_URL, keys);
    const read = async (who: SignedIn) => {
      const { json } = await lookUp(edge.client, who, [alice.userId], false);
      const claims = await verifier.verify('mailboxes', json.grants, edge.clock.now());
      if (typeof claims === 'string') throw new Error(claims);
      return { ...claims, listed: json.users[0].devices[0].mailbox };
    };
    const [first, other] = [await read(bob), await read(await edge.client.join())];
    assert.equal(first.mailboxes, [first.listed]);
    assert.is(first.listed, other.listed);
    assert.is.not(first.sender, other.sender);
    assert.is.not(first.session, other.session);
    assert.is(first.expiresAtMs - Math.floor(edge.clock.now() / 1_000) * 1_000, 600_000);
    edge.clock.advance(86_400_000);
    const later = await read(await edge.client.signIn(bob));
    assert.is.not(later.sender, first.sender);
  });

  test('lets nobody of an ended session take a package', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(5) });
    await ask(alice.userId);
    await edge.client.call('/v1/sessions/current', { method: 'DELETE', token: bob.token });
    for (const isEmpty of [false, true]) {
      if (isEmpty) edge.state.empty();
      edge.trips.reset();
      assert.is((await ask(alice.userId)).json.code, 'session_ended');
      assert.ok(!edge.trips.calls.some((call) => /take|claim/.test(call)));
    }
  });

  test('lets nobody of a session past its end take a package, whose token still lives', async () => {
    await upload(edge.client, alice, { version: 1, packages: newPackages(5) });
    const start = edge.clock.now();
    for (const day of [29, 58, 87]) {
      edge.clock.advance(start + day * DAY_MS - edge.clock.now());
      await edge.client.renew(bob);
    }
    edge.clock.advance(Math.floor(start / DAY_MS + 91) * DAY_MS - 60_000 - edge.clock.now());
    const { json } = await edge.client.renew(bob);
    const late = { ...bob, token: json.accessToken };
    assert.is((await lookUp(edge.client, late, [alice.userId])).json.users.length, 1);
    edge.clock.advance(120_000);
    edge.trips.reset();
    assert.is((await lookUp(edge.client, late, [alice.userId])).json.code, 'session_ended');
    assert.ok(!edge.trips.calls.some((call) => /take|claim/.test(call)));
  });

  test('knows nothing of an account that was deleted, whatever an origin brings back', async () => {
    await ask(alice.userId);
    const kept = [...edge.origin.keys.logs];
    await edge.client.call('/v1/account', { method: 'DELETE', token: alice.token });
    assert.equal((await ask(alice.userId)).json, { users: [] });
    for (const [account, rows] of kept) {
      edge.origin.accounts.set(account, { sealed: '1.AAAA', createdOn: '2026-11-23' });
      edge.origin.keys.logs.set(account, rows);
    }
    assert.equal((await ask(alice.userId)).json, { users: [] });
  });

  test('does not go back to an older entry while the state Redis knows a newer one', async () => {
    const { hash } = await readEntry(alice.entry);
    const entry = await signEntry(
      { sub: alice.userId, sequence: 2, previous: hash, devices: [keysOf(alice.device, 'BBBB')] },
      { key: alice.device.privateKey, deviceId: alice.device.deviceId },
    );
    await append(edge.client, alice, { entry, previous: alice.entry });
    for (const rows of edge.origin.keys.logs.values()) rows.splice(1);
    assert.is((await ask(alice.userId)).json.users[0].sequence, 2);
  });

  test('takes no package that an origin moves to another device, or passes off as a one-time one', async () => {
    const mallory = await joinWithKeys(edge.client);
    await upload(edge.client, alice, { version: 1, packages: [], lastResort: 'AAAA' });
    await upload(edge.client, mallory, { version: 1, packages: newPackages(3) });
    const [hers, his] = [...edge.origin.keys.shelves.values()];
    assert.ok(hers !== undefined && his !== undefined && hers.lastResort !== undefined);
    for (const forged of [...his.packages, hers.lastResort]) {
      hers.packages = [forged];
      assert.is(offered(await ask(alice.userId)), undefined);
    }
    hers.packages = [];
    hers.lastResort = his.packages[0];
    assert.is(offered(await ask(alice.userId)), undefined);
  });

  test('stores no package in clear', async () => {
    const [item = ''] = newPackages(1);
    await upload(edge.client, alice, { version: 1, packages: [item], lastResort: item });
    assert.not.match(JSON.stringify([...edge.origin.keys.shelves]), item.slice(0, 40));
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge.state.empty();
      edge[part].setDown(true);
      assert.is((await ask(alice.userId)).json.code, 'unavailable');
    });
});

import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import type { NewAccount } from '../../shared/internal/accounts.ts';
import { DEVICES_MAX, type RevocationTarget } from '../../shared/internal/devices.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PostgresRecords } from '../adapters/postgres-records.ts';
import type { PostgresRevocations } from '../adapters/postgres-revocations.ts';
import { newAccount, newMark, newSealed, newSession, openWay, WAYS } from './records-fixtures.ts';

for (const way of WAYS)
  describe(`postgres revocations, ${way}`, (suite) => {
    const { test, before, after, needs } = suite;
    if (way !== 'straight') needs('pgbouncer');
    let opened: Awaited<ReturnType<typeof openWay>>;
    let records: PostgresRecords;
    let revocations: PostgresRevocations;
    let raw: postgres.Sql;
    before(async () => {
      opened = await openWay(way);
      ({ records, revocations } = opened);
      raw = postgres(opened.url, { max: 1, onnotice: () => undefined });
    });
    after(async () => {
      await raw.end();
      await opened.close();
    });

    /** An account with one device and sessions of it; the first one asks. */
    const join = async (sessions = 1) => {
      const account = newAccount();
      await records.createAccount(account, newMark());
      const tags = [];
      for (let i = 0; i < sessions; i += 1) tags.push(await open(account));
      return { account, device: account.device.device, sessions: tags, by: tags[0] ?? '' };
    };
    const open = async (account: NewAccount, device = account.device.device): Promise<Tag> => {
      const session = { ...newSession(account), device };
      assert.equal(await records.createSession(session, newMark()), { result: 'created' });
      return session.session;
    };
    type Joined = Awaited<ReturnType<typeof join>>;
    const add = ({ account, device: approver }: Joined, device = randomId()) => {
      const added = { account: account.account, approver, device, sealed: newSealed() };
      return revocations.addDevice(added, newMark());
    };
    const revoke = ({ account, by }: Joined, target: RevocationTarget) =>
      revocations.revoke({ account: account.account, by, ...target }, newMark());
    const numbered = (tags: readonly Tag[]) =>
      raw<{ tag: string; kind: string; sequence: number }[]>`
        select tag, kind, sequence::integer from hushwire.revocations where tag = any (${[...tags]}) order by sequence`;

    test('a session is ended once, with its revocation, and a repeat says the same', async () => {
      const alice = await join(2);
      const [, other = ''] = alice.sessions;
      const revoked = { result: 'revoked', sessions: [other], devices: [] };
      assert.equal(await revoke(alice, { what: 'session', session: other }), revoked);
      assert.equal(await revoke(alice, { what: 'session', session: other }), revoked);
      const { sessions } = await records.read({ sessions: alice.sessions });
      assert.equal(Object.keys(sessions), [alice.by]);
      assert.equal(
        (await numbered(alice.sessions)).map(({ tag, kind }) => [tag, kind]),
        [[other, 'session']],
      );
    });

    test('a session ends itself, and the answer may be asked for again', async () => {
      const alice = await join();
      for (const _ of [1, 2])
        assert.is((await revoke(alice, { what: 'session', session: alice.by })).result, 'revoked');
    });

    test("nothing of another account's is ended, and an ended session ends nothing", async () => {
      const [alice, bob] = [await join(2), await join()];
      assert.is((await revoke(alice, { what: 'session', session: bob.by })).result, 'missing');
      assert.is((await revoke(alice, { what: 'device', device: bob.device })).result, 'missing');
      assert.is((await revoke({ ...alice, by: bob.by }, { what: 'account' })).result, 'refused');
      await revoke(alice, { what: 'session', session: alice.by });
      const targets: RevocationTarget[] = [
        { what: 'session', session: alice.sessions[1] ?? '' },
        { what: 'sessions' },
        { what: 'device-sessions', device: alice.device },
        { what: 'device', device: alice.device },
        { what: 'account' },
      ];
      for (const target of targets)
        assert.equal(await revoke(alice, target), { result: 'refused', sessions: [], devices: [] });
      assert.is(Object.keys((await revocations.belongings(alice.account.account)).sessions).length, 1);
    });

    test('all sessions but one are ended, those of one device, and then all', async () => {
      const alice = await join(4);
      const laptop = randomId();
      await add(alice, laptop);
      const theirs = [await open(alice.account, laptop), await open(alice.account, laptop)];
      const listed = async () =>
        Object.keys((await revocations.belongings(alice.account.account)).sessions).sort();
      const { result, sessions } = await revoke(alice, { what: 'device-sessions', device: laptop });
      assert.is(result, 'revoked');
      assert.equal([...sessions].sort(), theirs.sort());
      assert.equal(await listed(), alice.sessions.toSorted());
      await revoke(alice, { what: 'sessions', except: alice.by });
      assert.equal(await listed(), [alice.by]);
      const all = await revoke(alice, { what: 'sessions' });
      assert.is(all.sessions.length, 6);
      assert.equal(await listed(), []);
    });

    test('more sessions than one statement takes are ended in several', async () => {
      const alice = await join();
      await raw`insert into hushwire.sessions (session, device, sealed, expires_on)
        select lpad(to_hex(i), 22, ${way === 'straight' ? 'P' : 'T'}), ${alice.device}, '1.x', '2099-12-31'
        from generate_series(1, 600) i`;
      const others: RevocationTarget = { what: 'sessions', except: alice.by };
      assert.is((await revoke(alice, others)).result, 'partly');
      assert.is((await revoke(alice, others)).result, 'revoked');
      assert.equal(Object.keys((await revocations.belongings(alice.account.account)).sessions), [alice.by]);
    });

    test('a device is removed with its sessions, and cannot be added again', async () => {
      const alice = await join();
      const laptop = randomId();
      assert.equal(await add(alice, laptop), { result: 'created' });
      assert.equal(await add(alice, laptop), { result: 'exists' });
      const session = await open(alice.account, laptop);
      for (const _ of [1, 2])
        assert.equal(await revoke(alice, { what: 'device', device: laptop }), {
          result: 'revoked',
          sessions: [],
          devices: [laptop],
        });
      const found = await records.read({ devices: [laptop], sessions: [session] });
      assert.equal([found.devices, found.sessions], [{}, {}]);
      assert.equal(await add(alice, laptop), { result: 'revoked' });
      const late = { ...newSession(alice.account), device: laptop };
      assert.is((await records.createSession(late, newMark())).result, 'missing');
    });

    test('the last device stays, also when each of two removes the other', async () => {
      const alice = await join();
      assert.is((await revoke(alice, { what: 'device', device: alice.device })).result, 'last');
      const laptop = randomId();
      await add(alice, laptop);
      const bob = { ...alice, by: await open(alice.account, laptop) };
      const answers = await Promise.all([
        revoke(alice, { what: 'device', device: laptop }),
        revoke(bob, { what: 'device', device: alice.device }),
      ]);
      assert.equal(answers.map(({ result }) => result).sort(), ['refused', 'revoked']);
      const { devices } = await revocations.belongings(alice.account.account);
      assert.is(Object.keys(devices).length, 1);
    });

    test('of 20 devices added at once as many stay as an account may have, whoever repeats', async () => {
      const alice = await join();
      const tags = Array.from({ length: 10 }, () => randomId());
      const answers = await Promise.all([...tags, ...tags].map((tag) => add(alice, tag)));
      const { devices } = await revocations.belongings(alice.account.account);
      assert.is(Object.keys(devices).length, DEVICES_MAX);
      assert.is(answers.filter(({ result }) => result === 'created').length, DEVICES_MAX - 1);
      assert.is(answers.filter(({ result }) => result === 'exists').length, DEVICES_MAX - 1);
      assert.is(answers.filter(({ result }) => result === 'full').length, 2 * (11 - DEVICES_MAX));
    });

    test('a device is added only by one of the account', async () => {
      const [alice, bob] = [await join(), await join()];
      assert.equal(await add({ ...alice, device: bob.device }), { result: 'missing' });
      assert.equal(await add({ ...alice, device: randomId() }), { result: 'missing' });
    });

    test('an account goes with everything, and nobody signs up under its id again', async () => {
      const alice = await join(3);
      const laptop = randomId();
      await add(alice, laptop);
      for (const _ of [1, 2]) {
        const { result, devices } = await revoke(alice, { what: 'account' });
        assert.is(result, 'revoked');
        assert.equal([...devices].sort(), [alice.device, laptop].sort());
      }
      const { account } = alice.account;
      assert.equal(await revocations.belongings(account), { devices: {}, sessions: {} });
      assert.is((await records.createAccount(alice.account, newMark())).result, 'missing');
      const [row] =
        await raw`select count(*)::integer as n from hushwire.accounts where account = ${account}`;
      assert.is(row?.n, 0);
    });

    test('numbers come without hole or repeat, however many end something at once', async () => {
      const { head } = await revocations.readRevocations(0);
      const people = await Promise.all(Array.from({ length: 10 }, () => join(5)));
      await Promise.all(
        people.flatMap((person) => [
          ...person.sessions.slice(1).map((session) => revoke(person, { what: 'session', session })),
          revoke(person, { what: 'sessions', except: person.by }),
        ]),
      );
      const rows = await numbered(people.flatMap(({ sessions }) => sessions));
      assert.is(rows.length, 40);
      assert.equal(
        rows.map(({ sequence }) => sequence),
        Array.from({ length: 40 }, (_, i) => head + 1 + i),
      );
      const page = await revocations.readRevocations(head);
      assert.equal([page.tags.length, page.head, page.last, page.isWhole], [40, head + 40, head + 40, true]);
      assert.equal(
        [...page.tags],
        rows.map(({ tag }) => tag),
      );
    });

    test('a session that is opened while its device goes is not left behind', async () => {
      for (let i = 0; i < 10; i += 1) {
        const alice = await join();
        const laptop = randomId();
        await add(alice, laptop);
        const session = { ...newSession(alice.account), device: laptop };
        const [, { result }] = await Promise.all([
          records.createSession(session, newMark()).catch(() => undefined),
          revoke(alice, { what: 'device', device: laptop }),
        ]);
        assert.is(result, 'revoked');
        assert.equal((await records.read({ sessions: [session.session] })).sessions, {});
      }
    });

    test('a mark works once, and nothing happens without it', async () => {
      const alice = await join(2);
      const mark = newMark();
      const { account } = alice.account;
      const ending = (session: Tag) =>
        revocations.revoke({ account, by: alice.by, what: 'session', session }, mark);
      await ending(alice.by);
      await rejectsWith(ending(alice.sessions[1] ?? ''), 'conflict');
      const device = { account, approver: alice.device, device: randomId(), sealed: newSealed() };
      await rejectsWith(revocations.addDevice(device, mark), 'conflict');
      const { devices, sessions } = await revocations.belongings(account);
      assert.equal([Object.keys(devices).length, Object.keys(sessions).length], [1, 1]);
    });

    test('revocations go after three days, those of accounts stay', async () => {
      const [alice, bob] = [await join(2), await join()];
      await revoke(alice, { what: 'session', session: alice.by });
      await revoke(bob, { what: 'account' });
      const age = (days: number) =>
        raw`update hushwire.revocations set revoked_on = (now() at time zone 'utc')::date - ${days}::integer`;
      await age(3);
      assert.equal(await revocations.purge(), { revocations: 0 });
      assert.ok((await revocations.readRevocations(0)).tags.includes(alice.by), 'still read');
      await age(4);
      assert.equal((await revocations.readRevocations(0)).tags, []);
      assert.ok((await revocations.purge()).revocations > 0);
      const kinds = await raw`select distinct kind from hushwire.revocations`;
      assert.equal(
        kinds.map(({ kind }) => kind),
        ['account'],
      );
    });
  });

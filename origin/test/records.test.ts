import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PostgresRecords } from '../adapters/postgres-records.ts';
import { newAccount, newChannel, newMark, newMember, newSession, openWay, WAYS } from './records-fixtures.ts';

for (const way of WAYS)
  describe(`postgres records, ${way}`, (suite) => {
    const { test, before, after, needs } = suite;
    if (way !== 'straight') needs('pgbouncer');
    let opened: Awaited<ReturnType<typeof openWay>>;
    let records: PostgresRecords;
    let raw: postgres.Sql;
    before(async () => {
      opened = await openWay(way);
      ({ records } = opened);
      raw = postgres(opened.url, { max: 1, onnotice: () => undefined });
    });
    after(async () => {
      await raw.end();
      await opened.close();
    });
    const count = async (table: string) => {
      const [row] = await raw.unsafe<{ n: number }[]>(`select count(*)::integer as n from hushwire.${table}`);
      return row?.n;
    };

    test('an account and its device are read back as they were given', async () => {
      const account = newAccount();
      assert.equal(await records.createAccount(account, newMark()), { result: 'created' });
      const { device, sealed } = account.device;
      assert.equal(await records.read({ devices: [device] }), {
        devices: { [device]: { sealed, version: 1, account: account.account } },
        sessions: {},
        members: {},
      });
    });

    test('a session is read back with its device, its account and its day', async () => {
      const account = newAccount();
      await records.createAccount(account, newMark());
      const session = newSession(account);
      assert.equal(await records.createSession(session, newMark()), { result: 'created' });
      const { session: tag, device, sealed, expiresOn } = session;
      const { sessions } = await records.read({ sessions: [tag] });
      assert.equal(sessions, { [tag]: { sealed, version: 1, device, account: account.account, expiresOn } });
    });

    test('a channel brings its owner, and takes members', async () => {
      const channel = newChannel();
      const member = newMember(channel);
      assert.equal(await records.createChannel(channel, newMark()), { result: 'created' });
      assert.equal(await records.addMember(member, newMark()), { result: 'created' });
      const { members } = await records.read({ members: [channel.owner.member, member.member] });
      assert.equal(members, {
        [channel.owner.member]: { sealed: channel.owner.sealed, version: 1, channel: channel.channel },
        [member.member]: { sealed: member.sealed, version: 1, channel: channel.channel },
      });
    });

    test('one read answers for every table, and leaves out what is not there', async () => {
      const account = newAccount();
      const session = newSession(account);
      const channel = newChannel();
      await records.createAccount(account, newMark());
      await records.createSession(session, newMark());
      await records.createChannel(channel, newMark());
      const found = await records.read({
        devices: [account.device.device, randomId()],
        sessions: [session.session, randomId()],
        members: [channel.owner.member, randomId()],
      });
      assert.equal(Object.keys(found.devices), [account.device.device]);
      assert.equal(Object.keys(found.sessions), [session.session]);
      assert.equal(Object.keys(found.members), [channel.owner.member]);
      assert.equal(await records.read({}), { devices: {}, sessions: {}, members: {} });
    });

    test('the same account made several times at once is made once, and there for all', async () => {
      const account = newAccount();
      const calls = Array.from({ length: 8 }, () => records.createAccount(account, newMark()));
      const results = (await Promise.all(calls)).map(({ result }) => result);
      assert.equal(results.sort(), ['created', ...Array(7).fill('exists')]);
    });

    test('a repeat answers exists and changes nothing', async () => {
      const account = newAccount();
      const session = newSession(account);
      const channel = newChannel();
      const member = newMember(channel);
      const other = newAccount();
      await records.createAccount(account, newMark());
      await records.createSession(session, newMark());
      await records.createChannel(channel, newMark());
      await records.addMember(member, newMark());
      const exists = { result: 'exists' };
      assert.equal(await records.createAccount(account, newMark()), exists);
      assert.equal(await records.createAccount({ ...other, account: account.account }, newMark()), {
        result: 'taken',
      });
      assert.equal(await records.createSession({ ...session, sealed: '1.other' }, newMark()), exists);
      assert.equal(
        await records.createChannel({ ...newChannel(), channel: channel.channel }, newMark()),
        exists,
      );
      assert.equal(await records.addMember({ ...member, sealed: '1.other' }, newMark()), exists);
      const found = await records.read({
        devices: [account.device.device, other.device.device],
        sessions: [session.session],
        members: [member.member, channel.owner.member],
      });
      assert.equal(Object.keys(found.devices), [account.device.device]);
      assert.is(found.sessions[session.session]?.sealed, session.sealed);
      assert.is(found.members[member.member]?.sealed, member.sealed);
      assert.is(found.members[channel.owner.member]?.sealed, channel.owner.sealed);
    });

    test('what belongs to nothing is missing, and leaves nothing behind', async () => {
      const stranger = newAccount();
      const account = newAccount();
      await records.createAccount(account, newMark());
      const session = newSession(stranger);
      const member = newMember(newChannel());
      const missing = { result: 'missing' };
      assert.equal(await records.createSession(session, newMark()), missing);
      const foreign = { ...newSession(account), account: stranger.account };
      assert.equal(await records.createSession(foreign, newMark()), missing);
      assert.equal(await records.addMember(member, newMark()), missing);
      const found = await records.read({
        sessions: [session.session, foreign.session],
        members: [member.member],
      });
      assert.equal(found, { devices: {}, sessions: {}, members: {} });
    });

    test('a mark serves once, whatever it comes with, and a used one writes nothing', async () => {
      const mark = newMark();
      const [account, channel] = [newAccount(), newChannel()];
      await records.createAccount(account, mark);
      await records.createChannel(channel, newMark());
      const [account2, channel2] = [newAccount(), newChannel()];
      const [session, member] = [newSession(account), newMember(channel)];
      await rejectsWith(records.createAccount(account, mark), 'conflict');
      await rejectsWith(records.createAccount(account2, mark), 'conflict');
      await rejectsWith(records.createChannel(channel2, mark), 'conflict');
      await rejectsWith(records.addMember(member, mark), 'conflict');
      const later = { ...mark, expiresAtMs: mark.expiresAtMs + 99_000 };
      await rejectsWith(records.createSession(session, later), 'conflict');
      const found = await records.read({
        devices: [account2.device.device],
        sessions: [session.session],
        members: [channel2.owner.member, member.member],
      });
      assert.equal(found, { devices: {}, sessions: {}, members: {} });
      assert.equal(await records.createChannel(channel2, newMark()), { result: 'created' });
    });

    test('record and mark happen both or neither', async () => {
      const first = newAccount();
      await records.createAccount(first, newMark());
      const mark = newMark();
      // The device tag is taken, which is found out after account and mark were inserted.
      await rejectsWith(records.createAccount({ ...newAccount(), device: first.device }, mark), 'conflict');
      const account = newAccount();
      // Refused by the database's own check, as a fault of ours.
      const broken = { ...account, device: { ...account.device, sealed: 'not sealed' } };
      await rejectsWith(records.createAccount(broken, mark), 'internal');
      assert.equal(await records.createAccount(account, mark), { result: 'created' });
    });

    test('of 50 at once with one tag exactly one creates', async () => {
      const account = newAccount();
      const accounts = Array.from({ length: 50 }, () => records.createAccount(account, newMark()));
      const channel = newChannel();
      const channels = Array.from({ length: 50 }, () => records.createChannel(channel, newMark()));
      for (const answers of [await Promise.all(accounts), await Promise.all(channels)]) {
        assert.is(answers.filter(({ result }) => result === 'created').length, 1);
        assert.is(answers.filter(({ result }) => result === 'exists').length, 49);
      }
    });

    test('of 50 at once with one mark exactly one gets through', async () => {
      const mark = newMark();
      const answers = await Promise.allSettled(
        Array.from({ length: 50 }, () => records.createChannel(newChannel(), mark)),
      );
      assert.is(answers.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    test('marks are whole minutes, and purged minutes after their time', async () => {
      await raw`truncate hushwire.calls`;
      const nowMs = Date.now();
      await records.createChannel(newChannel(), newMark(nowMs + 30_000));
      await records.createChannel(newChannel(), newMark(nowMs - 3 * 60_000));
      await records.createChannel(newChannel(), newMark(nowMs - 7 * 60_000));
      const rows = await raw<{ at: Date }[]>`select expires_at as at from hushwire.calls order by 1`;
      assert.ok(rows.every(({ at }) => at.getTime() % 60_000 === 0));
      assert.ok((rows.at(-1)?.at.getTime() ?? 0) >= nowMs + 30_000);
      assert.is((await records.purge()).calls, 1);
      assert.is(await count('calls'), 2);
    });

    test('sessions are purged when their day is long past, however many, by several nodes at once', async () => {
      const account = newAccount();
      await records.createAccount(account, newMark());
      const kept = newSession(account);
      await records.createSession(kept, newMark());
      const tags = `select ${TAG_OF_ROW}, '${account.device.device}', '1.x', '2026-01-01'`;
      await raw.unsafe(
        `insert into hushwire.sessions (session, device, sealed, expires_on) ${tags} from generate_series(1, 12000) i`,
      );
      const left = (await count('sessions')) ?? 0;
      const purged = await Promise.all([records.purge(), records.purge(), records.purge()]);
      assert.is(
        purged.reduce((sum, { sessions }) => sum + sessions, 0),
        12_000,
      );
      assert.is(await count('sessions'), left - 12_000);
      assert.ok((await records.read({ sessions: [kept.session] })).sessions[kept.session]);
    });

    test('the count of an invitation is purged when its last day is long past', async () => {
      const use = (expiresOn: string) => ({ invitation: randomId(), uses: 1, expiresOn });
      await records.createAccount({ ...newAccount(), invitation: use('2026-01-01') }, newMark());
      await records.createAccount({ ...newAccount(), invitation: use('2099-12-31') }, newMark());
      assert.is((await records.purge()).invitations, 1);
      assert.is(await count('invitations'), 1);
    });

    test('a ping tells the round trip', async () => {
      assert.ok((await records.ping()) > 0);
    });

    test('the table checks refuse what is no tag, no sealed record and no whole minute', async () => {
      const insert = (statement: string) => raw.unsafe(`insert into hushwire.${statement}`);
      const codeOf = (answer: Promise<unknown>) =>
        answer.then(
          () => '',
          ({ code }: { code: string }) => code,
        );
      const [tag, long] = [randomId(), 'x'.repeat(8_191)];
      const account = 'accounts (account, sealed, created_on) values';
      assert.is(await codeOf(insert(`${account} ('alice', '1.x', now())`)), '23514');
      assert.is(await codeOf(insert(`${account} ('${tag}A', '1.x', now())`)), '23514');
      assert.is(await codeOf(insert(`${account} ('${tag}', 'plain text', now())`)), '23514');
      assert.is(await codeOf(insert(`${account} ('${tag}', '1.${long}', now())`)), '23514');
      assert.is(await codeOf(insert(`calls values ('${tag}', '2026-01-01 00:00:01Z')`)), '23514');
      assert.is(await codeOf(insert(`${account} ('${tag}', '1.${long.slice(1)}', now())`)), '');
    });
  }, 20_000);

/** A tag that depends on the row number `i`. */
const TAG_OF_ROW = "translate(left(encode(sha256(i::text::bytea), 'base64'), 22), '+/', '-_')";

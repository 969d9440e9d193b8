import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { NewPackages } from '../../shared/internal/keys.ts';
import { LIMITS } from '../../shared/limits.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { newAccount, newMark, newSealed, newSession, openWay, WAYS } from './records-fixtures.ts';

for (const way of WAYS)
  describe(`postgres keys, ${way}`, (suite) => {
    const { test, before, after, needs } = suite;
    if (way !== 'straight') needs('pgbouncer');
    let stores: Awaited<ReturnType<typeof openWay>>;
    before(async () => {
      stores = await openWay(way);
    });
    after(() => stores.close());

    const signedIn = async () => {
      const account = newAccount();
      const session = newSession(account);
      await stores.records.createAccount(account, newMark());
      await stores.records.createSession(session, newMark());
      return { account: account.account, device: session.device, by: session.session };
    };
    const upload = (owner: { account: string; device: string; by: string }, change: Partial<NewPackages>) =>
      stores.keys.addPackages(
        { ...owner, version: 1, list: randomId(), packages: [], isReplacing: false, ...change },
        newMark(),
      );
    const claim = (lists: readonly string[], most = 1) =>
      stores.keys.claimPackages({ lists, most }, newMark());
    const many = (n: number) => Array.from({ length: n }, () => newSealed());

    test('a log takes each next entry once, and reads in pages', async () => {
      const { device, ...owner } = await signedIn();
      const links = Array.from({ length: LIMITS.keyLogEntriesPerPage + 2 }, () => randomId());
      for (const [i, link] of links.entries()) {
        const before = links[i - 1];
        const previous = before === undefined ? {} : { previous: before };
        const entry = {
          ...owner,
          sequence: i + 1,
          link,
          ...previous,
          devices: [device],
          sealed: newSealed(),
        };
        assert.equal(await stores.keys.appendEntry(entry, newMark()), { result: 'created' });
        assert.equal(await stores.keys.appendEntry(entry, newMark()), { result: 'exists' });
      }
      const { account } = owner;
      const first = await stores.keys.readLog({ account, after: 0 });
      assert.equal(
        first.entries.map(({ version }) => version),
        Array.from({ length: LIMITS.keyLogEntriesPerPage }, (_, i) => i + 1),
      );
      const rest = await stores.keys.readLog({ account, after: LIMITS.keyLogEntriesPerPage });
      assert.is(rest.entries.length, 2);
      const { entries } = await stores.records.read({ entries: [account, randomId()] });
      assert.equal(entries, { [account]: rest.entries[1] });
    });

    test('a log takes nothing that does not follow, names a foreign device, or is asked for by nobody', async () => {
      const { device, ...owner } = await signedIn();
      const stranger = await signedIn();
      const first = { ...owner, sequence: 1, link: randomId(), devices: [device], sealed: newSealed() };
      const append = (change: object) => stores.keys.appendEntry({ ...first, ...change }, newMark());
      assert.equal(await append({ devices: [device, stranger.device] }), { result: 'missing' });
      assert.equal(await append({ by: stranger.by }), { result: 'refused' });
      assert.equal(await append({ sequence: 2, previous: randomId() }), { result: 'stale' });
      assert.equal(await append({ previous: randomId() }), { result: 'stale' });
      assert.equal(await append({}), { result: 'created' });
      for (const wrong of [
        { link: randomId() },
        { sequence: 2 },
        { sequence: 2, previous: randomId() },
        { sequence: 3, previous: first.link },
      ])
        assert.equal(await append({ ...wrong, link: randomId() }), { result: 'stale' });
      assert.is((await stores.keys.readLog({ account: owner.account, after: 0 })).entries.length, 1);
    });

    test('of many entries at once that follow the same one a log takes one', async () => {
      const { device, ...owner } = await signedIn();
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          stores.keys.appendEntry(
            { ...owner, sequence: 1, link: randomId(), devices: [device], sealed: newSealed() },
            newMark(),
          ),
        ),
      );
      assert.is(answers.filter(({ result }) => result === 'created').length, 1);
      assert.is(answers.filter(({ result }) => result === 'stale').length, 19);
    });

    test('a log cannot be changed, and goes with its account', async () => {
      const { device, ...owner } = await signedIn();
      const entry = { ...owner, sequence: 1, link: randomId(), devices: [device], sealed: newSealed() };
      await stores.keys.appendEntry(entry, newMark());
      const raw = postgres(stores.url, { max: 1, onnotice: () => undefined });
      const changed =
        await raw`update hushwire.key_log set sequence = 2 where account = ${owner.account}`.then(
          () => '',
          ({ code }: { code: string }) => code,
        );
      await raw.end();
      assert.is(changed, 'P0001');
      await stores.revocations.revoke({ ...owner, what: 'account' }, newMark());
      assert.equal(await stores.keys.readLog({ account: owner.account, after: 0 }), { entries: [] });
    });

    test('an upload happens once, and never again, however late it is repeated', async () => {
      const owner = await signedIn();
      const list = randomId();
      const packages = many(3);
      assert.equal(await upload(owner, { list, packages }), { result: 'created', version: 1, left: 3 });
      const taken = await claim([list]);
      assert.equal(taken, { packages: { [list]: [packages[0]] }, lastResorts: {} });
      assert.equal(await upload(owner, { list, packages }), { result: 'exists', version: 1, left: 2 });
      const second = { list, packages: many(1), version: 2 };
      assert.equal(await upload(owner, second), { result: 'created', version: 2, left: 3 });
      assert.equal(await upload(owner, { list, packages }), { result: 'stale', version: 2, left: 3 });
      assert.equal(await stores.keys.readStock(owner.device), { version: 2, left: 3 });
      assert.equal(await stores.keys.readStock(randomId()), { version: 0, left: 0 });
    });

    test('of many equal uploads at once one happens', async () => {
      const owner = await signedIn();
      const list = randomId();
      const packages = many(5);
      const answers = await Promise.all(Array.from({ length: 20 }, () => upload(owner, { list, packages })));
      assert.is(answers.filter(({ result }) => result === 'created').length, 1);
      assert.equal(await stores.keys.readStock(owner.device), { version: 1, left: 5 });
    });

    test('a stock has its limit, is replaced when asked, and holds one list', async () => {
      const owner = await signedIn();
      const [list, other] = [randomId(), randomId()];
      const most = LIMITS.keyPackagesPerDevice;
      await upload(owner, { list, packages: many(most) });
      assert.is((await upload(owner, { list, packages: many(1), version: 2 })).result, 'full');
      const replacing = { list, packages: many(2), version: 2, isReplacing: true };
      assert.equal(await upload(owner, replacing), { result: 'created', version: 2, left: 2 });
      const rotated = { list: other, packages: many(1), version: 3 };
      assert.equal(await upload(owner, rotated), { result: 'created', version: 3, left: 1 });
      assert.equal(await claim([list], 10), { packages: {}, lastResorts: {} });
    });

    test('a last resort stays, until it is replaced or its list is given up', async () => {
      const owner = await signedIn();
      const [list, other] = [randomId(), randomId()];
      const [packages, lastResort] = [many(1), newSealed()];
      await upload(owner, { list, packages, lastResort });
      assert.equal(await claim([list], 5), { packages: { [list]: packages }, lastResorts: {} });
      for (const _ of [1, 2])
        assert.equal(await claim([list, randomId()]), { packages: {}, lastResorts: { [list]: lastResort } });
      await upload(owner, { list, version: 2 });
      assert.is((await claim([list])).lastResorts[list], lastResort);
      await upload(owner, { list: other, version: 3 });
      assert.equal(await claim([list, other]), { packages: {}, lastResorts: {} });
    });

    test('only a session of the device uploads', async () => {
      const [owner, stranger] = [await signedIn(), await signedIn()];
      assert.is((await upload({ ...owner, by: stranger.by }, {})).result, 'refused');
      assert.is((await upload({ ...stranger, device: owner.device }, {})).result, 'refused');
      assert.equal(await stores.keys.readStock(owner.device), { version: 0, left: 0 });
    });

    test('of two hundred claims at once none gets what another got, and together they get all', async () => {
      const owner = await signedIn();
      const list = randomId();
      const packages = many(60);
      const lastResort = newSealed();
      await upload(owner, { list, packages, lastResort });
      const answers = await Promise.all(Array.from({ length: 200 }, () => claim([list])));
      const got = answers.flatMap((answer) => answer.packages[list] ?? []);
      assert.is(new Set(got).size, got.length);
      const rest = (await claim([list], 60)).packages[list] ?? [];
      assert.equal([...got, ...rest].sort(), [...packages].sort());
      const last = answers.filter((answer) => answer.lastResorts[list] === lastResort);
      assert.is(last.length, 200 - got.length);
    });

    test('a claim that is captured cannot be made again', async () => {
      const mark = newMark();
      await stores.keys.claimPackages({ lists: [randomId()], most: 1 }, mark);
      await rejectsWith(stores.keys.claimPackages({ lists: [randomId()], most: 1 }, mark), 'conflict');
    });
  }, 20_000);

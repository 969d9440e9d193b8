import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { fromBase64Url, randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { readEntry, signEntry } from '../../shared/key-log.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createTags, type Tags } from '../tags.ts';
import { codeAt, enrol, show } from './authenticator.ts';
import type { SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { append, joinWithKeys, type KeyOwner, keysOf, lookUp, newPackages, upload } from './key-owner.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

const TAG_KEY = randomId(32);

/** A record as a store holds it. */
interface Held {
  readonly version: number;
  readonly sealed: string;
}
type Row = Readonly<Record<string, string | number>>;

/** Tables whose records the edge opens: the kind of their copies, and their key. */
const PLACES = {
  devices: { kind: 'dev', key: 'device' },
  sessions: { kind: 'sess', key: 'session' },
  totp: { kind: 'totp', key: 'account' },
  members: { kind: 'member', key: 'member' },
} as const;
type Table = keyof typeof PLACES;

/**
 * What somebody who holds an origin, its Postgres and even the state Redis, but no key of the edge, can write: a record for
 * something that is not there, one of somebody else, one of another version, one that was replaced. All of it goes around
 * the origin's own rules, straight into the stores.
 */
describe('A taken-over origin cannot forge', ({ test, needs, before, after, beforeEach }) => {
  needs('redis-server');
  let stores: RealStores;
  let sql: postgres.Sql;
  let tags: Tags;
  let alice: KeyOwner;
  let mallory: KeyOwner;
  before(async () => {
    stores = await startRealStores({ HUSHWIRE_EDGE_TAG_KEY: `1:${TAG_KEY}` });
    sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => undefined });
    tags = await createTags(fromBase64Url(TAG_KEY));
  });
  after(async () => {
    await sql?.end();
    await stores?.stop();
  });
  beforeEach(async () => {
    [alice, mallory] = [await joinWithKeys(stores.client), await joinWithKeys(stores.client)];
  });

  const call = (path: string, { token }: SignedIn, body?: object) =>
    stores.client.call(path, { token, ...(body === undefined ? {} : { body }) });
  const rowOf = async (table: Table, tag: Tag): Promise<Row> => {
    const { key } = PLACES[table];
    const [row] = await sql<Row[]>`select * from ${sql(`hushwire.${table}`)} where ${sql(key)} = ${tag}`;
    if (row === undefined) throw new Error(`No such row in ${table}`);
    return row;
  };
  const heldOf = async (table: Table, tag: Tag): Promise<Held> => {
    const { version, sealed } = await rowOf(table, tag);
    return { version: Number(version), sealed: String(sealed) };
  };
  /** Puts a row in place of the one there is; the state Redis knows nothing then, and the edge must ask. */
  const writeOrigin = async (table: Table, row: Row) => {
    const { key } = PLACES[table];
    const named = sql(`hushwire.${table}`);
    await sql`insert into ${named} ${sql(row)} on conflict (${sql(key)}) do update set ${sql(row)}`;
    await stores.redis.flushall();
  };
  const writeState = (kind: string, tag: Tag, { version, sealed }: Held) =>
    stores.redis.set(`hw1:${kind}:${tag}`, `${version}:${sealed}`);
  /** Writes each forgery under this tag, into one store and then the other, and asks whether the edge believes it. */
  const refuseEach = async (
    table: Table,
    row: Row,
    {
      forgeries,
      isRefused,
    }: { forgeries: Readonly<Record<string, Held>>; isRefused: () => Promise<boolean> },
  ) => {
    const { kind, key } = PLACES[table];
    for (const [what, held] of Object.entries(forgeries)) {
      await writeOrigin(table, { ...row, ...held });
      assert.ok(await isRefused(), `${what}, in Postgres`);
      await writeState(kind, String(row[key]), held);
      assert.ok(await isRefused(), `${what}, in Redis`);
    }
  };
  const madeUp = (): Held => ({ version: 1, sealed: `1.${randomId(300)}` });

  const accountOf = ({ userId }: SignedIn) => tags.account(userId);
  const deviceOf = ({ userId, device }: SignedIn) => tags.device(userId, device.deviceId);
  const signsIn = async ({ device, userId }: Pick<SignedIn, 'device' | 'userId'>) => {
    const assertion = await stores.client.assertion(device, { sub: userId });
    return (await stores.client.call('/v1/sessions', { body: { assertion } })).status === 201;
  };

  test('a new device of an account', async () => {
    // Its key is in a record of ours: that of its own account.
    const intruder = { device: mallory.device, userId: alice.userId };
    const row = {
      device: await tags.device(alice.userId, intruder.device.deviceId),
      account: await accountOf(alice),
    };
    const [own, foreign] = [await deviceOf(alice), await deviceOf(mallory)];
    await refuseEach('devices', row, {
      forgeries: {
        'a device of the account': await heldOf('devices', own),
        'a device of another account': await heldOf('devices', foreign),
        'one made up': madeUp(),
      },
      isRefused: async () => !(await signsIn(intruder)),
    });
    await stores.redis.flushall();
    assert.ok(await signsIn(alice));
  });

  test('another key for a device that is there', async () => {
    const tag = await deviceOf(alice);
    const [row, own] = [await rowOf('devices', tag), await heldOf('devices', tag)];
    const { device } = mallory;
    const intruder = { device: { ...device, deviceId: alice.device.deviceId }, userId: alice.userId };
    const theirs = await heldOf('devices', await deviceOf(mallory));
    await refuseEach('devices', row, {
      forgeries: {
        'a device of another account': theirs,
        'the same in a later version': { ...theirs, version: 2 },
        'its own in a later version': { ...own, version: 2 },
        'one made up': madeUp(),
      },
      isRefused: async () => !(await signsIn(intruder)),
    });
    await writeOrigin('devices', row);
    assert.ok(await signsIn(alice));
  });

  test('a device that was removed, while the state Redis lags or was emptied', async () => {
    const device = await createDevice();
    const laptop = { device, userId: alice.userId };
    const proofs = await Promise.all([
      stores.client.assertion(device, { purpose: 'add-device', sub: alice.userId }),
      stores.client.assertion(alice.device, {
        purpose: 'approve-device',
        sub: alice.userId,
        device: device.deviceId,
      }),
    ]);
    const [assertion, approval] = proofs;
    await stores.client.call('/v1/devices', { body: { publicKey: device.publicKey, assertion, approval } });
    const signedIn = await stores.client.signIn(laptop);
    const tag = await deviceOf(signedIn);
    const older = { row: await rowOf('devices', tag), held: await heldOf('devices', tag) };
    await stores.client.call(`/v1/devices/${device.deviceId}`, { method: 'DELETE', token: alice.token });
    const mark = await stores.redis.get(`hw1:dev:${tag}`);
    await sql`insert into hushwire.devices ${sql(older.row)}`;
    assert.not.ok(await signsIn(laptop), 'put back into Postgres');
    assert.is((await call('/v1/devices', signedIn)).json.code, 'session_ended');
    await sql`delete from hushwire.devices where device = ${tag}`;
    await writeState('dev', tag, older.held);
    assert.not.ok(await signsIn(laptop), 'the copy from before its removal');
    await stores.redis.flushall();
    assert.not.ok(await signsIn(laptop), 'nothing is known any more');
    assert.is((await call('/v1/devices', signedIn)).json.code, 'session_ended');
    assert.ok(mark?.startsWith('999999999:'));
  });

  test('a session that was ended, by others or by itself', async () => {
    const second = await stores.client.signIn(alice);
    const tag = await tags.session(second.sessionId);
    const row = await rowOf('sessions', tag);
    const before = await heldOf('sessions', tag);
    const live = await heldOf('sessions', await tags.session(alice.sessionId));
    const foreign = await heldOf('sessions', await tags.session(mallory.sessionId));
    const path = `/v1/sessions/${second.sessionId}`;
    await stores.client.call(path, { method: 'DELETE', token: alice.token });
    await sql`insert into hushwire.sessions ${sql(row)}`;
    assert.is((await stores.client.renew(second)).json.code, 'session_ended', 'its own, put back');
    await refuseEach('sessions', row, {
      forgeries: {
        'another session of the device': live,
        'a session of another account': foreign,
        'its own in a later version': { ...before, version: 2 },
        'one made up': madeUp(),
      },
      isRefused: async () =>
        (await stores.client.renew(second)).json.code === 'session_ended' &&
        (await call('/v1/devices', second)).json.code === 'session_ended',
    });
    // What SECURITY.md says it can do: put back what has ended, once the state Redis has lost the mark of that.
    await writeOrigin('sessions', row);
    assert.is((await stores.client.renew(second)).status, 200);
  });

  test('a second factor: another secret, none, or the one before', async () => {
    const first = await enrol(stores.client, alice, stores.now());
    const account = await accountOf(alice);
    const older = { row: await rowOf('totp', account), held: await heldOf('totp', account) };
    stores.advance(60_000);
    const shown = { totp: codeAt(first.secret, stores.now()) };
    const { json } = await stores.client.call('/v1/totp/step-up', { token: alice.token, body: shown });
    const replaced = await enrol(stores.client, { ...alice, token: json.accessToken }, stores.now());
    const theirs = await enrol(stores.client, mallory, stores.now());
    const [row, newer] = [await rowOf('totp', account), await heldOf('totp', account)];
    const foreign = await heldOf('totp', await accountOf(mallory));
    stores.advance(60_000);
    const passes = async (secret: string) => {
      const answer = await show(stores.client, alice, { totp: codeAt(secret, stores.now()) });
      return answer.status === 201;
    };
    /** So that a lock is not what refuses. */
    const unlock = async () => {
      await sql`update hushwire.devices set failures = 0 where account = ${account}`;
      await stores.redis.del(`hw1:lock:${await deviceOf(alice)}`);
    };
    const isRefused = async () => {
      await unlock();
      return !(await signsIn(alice)) && !(await passes(first.secret)) && !(await passes(theirs.secret));
    };
    await writeState('totp', account, newer);
    await sql`update hushwire.totp set ${sql(older.row)} where account = ${account}`;
    assert.ok(await isRefused(), 'the one before, in Postgres');
    await sql`update hushwire.totp set ${sql(row)} where account = ${account}`;
    await writeState('totp', account, older.held);
    assert.not.ok(await passes(first.secret), 'the one before, in a replica that lags');
    await stores.redis.flushall();
    assert.not.ok(await passes(first.secret), 'the one before, when Redis was emptied');
    await refuseEach('totp', row, {
      forgeries: {
        'the one before as the newest': { ...older.held, version: newer.version },
        'the one before as a later one': { ...older.held, version: newer.version + 1 },
        'the one of another account': { ...foreign, version: newer.version },
        'one made up': { ...madeUp(), version: newer.version },
      },
      isRefused,
    });
    await writeOrigin('totp', row);
    await unlock();
    stores.advance(60_000);
    assert.ok(await passes(replaced.secret));
  });

  test('a membership of a channel', async () => {
    const channelId = await stores.client.createChannel(alice);
    const own = await stores.client.createChannel(mallory);
    const [channel, member] = [await tags.channel(channelId), await tags.member(channelId, mallory.userId)];
    const owner = await heldOf('members', await tags.member(channelId, alice.userId));
    const elsewhere = await heldOf('members', await tags.member(own, mallory.userId));
    await refuseEach(
      'members',
      { member, channel },
      {
        forgeries: {
          "the owner's": owner,
          'one of another channel': elsewhere,
          'one made up': madeUp(),
        },
        isRefused: async () => {
          const { json } = await call('/v1/connect', mallory, { channels: [channelId] });
          return json.refused[0]?.code === 'not_a_member' && json.channels.length === 0;
        },
      },
    );
    const { json } = await call('/v1/connect', alice, { channels: [channelId] });
    assert.is(json.channels.length, 1);
  });

  test('an invitation to a channel: a row for one it never signed, or of another channel, or one that says more', async () => {
    const channelId = await stores.client.createChannel(alice);
    const own = await stores.client.createChannel(mallory);
    const invite = async (who: SignedIn, where: string, uses: number) =>
      (await call(`/v1/channels/${where}/invitations`, who, { id: randomId(), uses, lifeMs: 3_600_000 }))
        .json;
    const join = async (who: SignedIn, invitation: string) =>
      (await call(`/v1/channels/${channelId}/join`, who, { invitation })).json.code ?? 'in';
    const theirs = await invite(mallory, own, 5);
    const channel = await tags.channel(channelId);
    // For the invitation to its own channel: under its own tag, and under the one it would have in the other channel.
    const [, claims = ''] = theirs.invitation.split('.');
    const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const row = { uses: 1_000, used: 0, expires_on: '2090-01-01', channel };
    for (const invitation of [theirs.tag, await tags.channelInvitation(channelId, jti)]) {
      await sql`delete from hushwire.channel_invitations where invitation = ${invitation}`;
      await sql`insert into hushwire.channel_invitations ${sql({ ...row, invitation })}`;
      assert.is(await join(mallory, theirs.invitation), 'invitation_refused');
    }
    const single = await invite(alice, channelId, 1);
    const where = sql`where invitation = ${single.tag}`;
    await sql`update hushwire.channel_invitations set uses = 1000, expires_on = '2090-01-01' ${where}`;
    assert.is(await join(mallory, single.invitation), 'in');
    assert.is(await join(await stores.client.join(), single.invitation), 'invitation_refused');
    const soon = await invite(alice, channelId, 5);
    await sql`update hushwire.channel_invitations set expires_on = '2090-01-01' where invitation = ${soon.tag}`;
    stores.advance(3_601_000);
    assert.is(await join(await stores.client.join(), soon.invitation), 'invitation_refused');
  });

  test('a key log: an entry of another account, another number, or one made up', async () => {
    const account = await accountOf(alice);
    const entryOf = async (owner: SignedIn): Promise<Held> => {
      const [row] = await sql<{ sequence: number; sealed: string }[]>`
        select sequence, sealed from hushwire.key_log where account = ${await accountOf(owner)}`;
      return { version: row?.sequence ?? 0, sealed: row?.sealed ?? '' };
    };
    const [own, foreign] = [await entryOf(alice), await entryOf(mallory)];
    const writeLog = async ({ version, sealed }: Held) => {
      const row = { account, sequence: version, link: randomId(), sealed };
      await sql.begin((begun) => [
        begun`delete from hushwire.key_log where account = ${account}`,
        begun`insert into hushwire.key_log ${begun(row)}`,
      ]);
      await stores.redis.flushall();
    };
    const isShown = async () => {
      const { json } = await lookUp(stores.client, mallory, [alice.userId], false);
      const { json: history } = await call('/v1/keys/history', mallory, { userId: alice.userId, after: 0 });
      return json.users.length > 0 || history.entries.length > 0;
    };
    for (const [what, held] of Object.entries({
      'an entry of another account': foreign,
      'its own under a later number': { ...own, version: 2 },
      'one made up': madeUp(),
    })) {
      await writeLog(held);
      assert.not.ok(await isShown(), `${what}, in Postgres`);
      await writeState('keys', account, held);
      assert.not.ok(await isShown(), `${what}, in Redis`);
    }
    await writeLog(own);
    assert.ok(await isShown());
  });

  test('an older entry of a key log, while the newer one is held', async () => {
    const account = await accountOf(alice);
    const { hash } = await readEntry(alice.entry);
    const claims = { sub: alice.userId, sequence: 2, previous: hash };
    const { device } = alice;
    const devices = [keysOf(device, randomId(32))];
    const entry = await signEntry(
      { ...claims, devices },
      { key: device.privateKey, deviceId: device.deviceId },
    );
    assert.is((await append(stores.client, alice, { entry, previous: alice.entry })).status, 201);
    await sql`delete from hushwire.key_log where account = ${account} and sequence = 2`;
    const { json } = await lookUp(stores.client, mallory, [alice.userId], false);
    assert.is(json.users[0].entry, entry);
  });

  test('a key package: of another device, of another kind, or made up', async () => {
    await upload(stores.client, alice, { version: 1, packages: newPackages(1), lastResort: randomId(300) });
    await upload(stores.client, mallory, { version: 1, packages: newPackages(1) });
    const [own, theirs] = [await deviceOf(alice), await deviceOf(mallory)];
    const sealedOf = async (table: string, column: string, device: Tag): Promise<string> => {
      const [row] = await sql<Record<string, string>[]>`
        select ${sql(column)} from ${sql(`hushwire.${table}`)} where device = ${device}`;
      return row?.[column] ?? '';
    };
    const list = await sealedOf('key_stocks', 'list', own);
    const isGiven = async () => {
      const { json } = await lookUp(stores.client, mallory, [alice.userId]);
      return json.users[0].devices[0].package !== undefined;
    };
    const forgeries = {
      'a package of another device': await sealedOf('key_packages', 'sealed', theirs),
      'the last resort as a package': await sealedOf('key_stocks', 'last_resort', own),
      'one made up': madeUp().sealed,
    };
    const genuine = await sealedOf('key_packages', 'sealed', own);
    await sql`update hushwire.key_stocks set last_resort = ${genuine} where device = ${own}`;
    for (const [what, sealed] of Object.entries(forgeries)) {
      await sql`delete from hushwire.key_packages where device = ${own}`;
      await sql`insert into hushwire.key_packages ${sql({ device: own, upload: 1, place: 1, list, sealed })}`;
      await stores.redis.flushall();
      assert.not.ok(await isGiven(), `${what}, in Postgres`);
      assert.not.ok(await isGiven(), 'a package as the last resort');
      await stores.redis.hset(`hw1:kpkg:${await accountOf(alice)}`, list, sealed);
      assert.not.ok(await isGiven(), `${what}, in Redis`);
    }
  });

  test('a second factor that is being set up: of another session', async () => {
    const enrolment = async (owner: SignedIn) => `hw1:enrol:${await tags.session(owner.sessionId)}`;
    const { json } = await stores.client.call('/v1/totp', { method: 'POST', token: mallory.token });
    await stores.redis.copy(await enrolment(mallory), await enrolment(alice));
    const code = codeAt(json.secret, stores.now());
    assert.is((await call('/v1/totp/confirm', alice, { code })).json.code, 'conflict');
  });

  test('the mark that something has ended', async () => {
    const laptop = await stores.client.signIn(alice);
    await stores.client.call(`/v1/sessions/${laptop.sessionId}`, { method: 'DELETE', token: alice.token });
    const mark = (await stores.redis.get(`hw1:sess:${await tags.session(laptop.sessionId)}`)) ?? '';
    await stores.redis.set(`hw1:sess:${await tags.session(alice.sessionId)}`, mark);
    await stores.redis.set(`hw1:dev:${await deviceOf(alice)}`, mark);
    assert.is((await call('/v1/devices', alice)).status, 200);
  });
}, 30_000);

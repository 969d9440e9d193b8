import * as assert from 'uvu/assert';
import type { Running } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PostgresPool } from '../adapters/postgres-pool.ts';
import { openRelay, type Relay } from '../adapters/redis-relay.ts';
import {
  type InternalApi,
  problemOf,
  startInternalApi,
  startInternalApiOnPostgres,
} from './internal-api-fixture.ts';
import { newAccount, newChannel, newMember, newSession, openRecords } from './records-fixtures.ts';

describe('internal api', ({ test, before, after }) => {
  let redis: Running;
  let relay: Relay;
  let api: Awaited<ReturnType<typeof startInternalApiOnPostgres>>;
  before(async () => {
    redis = await startRedis();
    relay = await openRelay(
      { urls: [redis.url], log: () => undefined, now: Date.now, retentionHours: 1 },
      3_000,
    );
    api = await startInternalApiOnPostgres(relay);
  });
  after(async () => {
    await api.close();
    relay.close();
    await redis.stop();
  });

  test('ends what is asked, and says of each ending, also a repeated one, what must be told to the nodes', async () => {
    const account = newAccount();
    const [own, other] = [newSession(account), newSession(account)];
    await api.answer({ path: INTERNAL_PATHS.accounts, body: account });
    for (const body of [own, other]) await api.answer({ path: INTERNAL_PATHS.sessions, body });
    const asked = { account: account.account, by: own.session };
    const path = INTERNAL_PATHS.revocations;
    const body = { ...asked, what: 'session', session: other.session };
    for (const _ of [1, 2])
      assert.equal(await api.answer({ path, body }), {
        result: 'revoked',
        sessions: [other.session],
        devices: [],
      });
    const device = { account: account.account, approver: own.device, device: randomId(), sealed: own.sealed };
    assert.equal(await api.answer({ path: INTERNAL_PATHS.devices, body: device }), { result: 'created' });
    await api.answer({ path, body: { ...asked, what: 'device', device: device.device } });
    await api.answer({ path, body: { ...asked, what: 'session', session: randomId() } });
    assert.equal(api.told, [[other.session], [other.session], [device.device], []]);
    assert.equal(await api.answer({ path: INTERNAL_PATHS.belongings, body: { account: account.account } }), {
      devices: { [own.device]: { sealed: account.device.sealed, version: 1 } },
      sessions: {
        [own.session]: {
          sealed: own.sealed,
          version: 1,
          device: own.device,
          expiresOn: own.expiresOn,
        },
      },
    });
  });

  test('takes every write, tells created from exists, and reads it all back', async () => {
    const account = newAccount();
    const session = newSession(account);
    const channel = newChannel();
    const member = newMember(channel);
    const writes = [
      [INTERNAL_PATHS.accounts, account],
      [INTERNAL_PATHS.sessions, session],
      [INTERNAL_PATHS.channels, channel],
      [INTERNAL_PATHS.members, member],
    ] as const;
    for (const [path, body] of writes) assert.equal(await api.answer({ path, body }), { result: 'created' });
    for (const [path, body] of writes) assert.equal(await api.answer({ path, body }), { result: 'exists' });
    const { device } = account.device;
    const found = await api.answer({
      body: { devices: [device], sessions: [session.session], members: [member.member, randomId()] },
    });
    assert.equal(found, {
      devices: { [device]: { sealed: account.device.sealed, version: 1, account: account.account } },
      sessions: {
        [session.session]: {
          sealed: session.sealed,
          version: 1,
          device,
          account: account.account,
          expiresOn: session.expiresOn,
        },
      },
      members: { [member.member]: { sealed: member.sealed, version: 1, channel: channel.channel } },
    });
  });

  test('tells what belongs to nothing as missing', async () => {
    const missing = { result: 'missing' };
    assert.equal(
      await api.answer({ path: INTERNAL_PATHS.sessions, body: newSession(newAccount()) }),
      missing,
    );
    assert.equal(await api.answer({ path: INTERNAL_PATHS.members, body: newMember(newChannel()) }), missing);
  });

  test('names the nodes of the registry', async () => {
    const self = { node: 'a', url: 'ws://127.0.0.1:9001', connections: 3, isDraining: false };
    await relay.registry.announce(self);
    assert.equal(await api.answer({ method: 'GET', path: INTERNAL_PATHS.nodes }), { nodes: [self] });
  });

  test('a write made twice is a conflict, and the second one changes nothing', async () => {
    const jti = randomId();
    const [first, second] = [newChannel(), newChannel()];
    assert.equal(await api.answer({ path: INTERNAL_PATHS.channels, body: first, claims: { jti } }), {
      result: 'created',
    });
    await api.refused('conflict', { path: INTERNAL_PATHS.channels, body: first, claims: { jti } });
    await api.refused('conflict', { path: INTERNAL_PATHS.channels, body: second, claims: { jti } });
    assert.equal((await api.records.read({ members: [second.owner.member] })).members, {});
  });

  test('a write that is refused for its shape does not use up its mark', async () => {
    const jti = randomId();
    const body = newChannel();
    await api.refused('bad_request', {
      path: INTERNAL_PATHS.channels,
      body: { ...body, x: 1 },
      claims: { jti },
    });
    assert.equal(await api.answer({ path: INTERNAL_PATHS.channels, body, claims: { jti } }), {
      result: 'created',
    });
  });

  test('of 20 copies of one call sent at once one gets through', async () => {
    const call = { path: INTERNAL_PATHS.channels, body: newChannel(), claims: { jti: randomId() } };
    const responses = await Promise.all(Array.from({ length: 20 }, () => api.send(call)));
    const statuses = responses.map(({ status }) => status).toSorted();
    assert.equal(statuses, [200, ...Array.from({ length: 19 }, () => 409)]);
  });

  test('a read may be repeated', async () => {
    const call = { body: { devices: [randomId()] }, claims: { jti: randomId() } };
    assert.equal(await api.answer(call), await api.answer(call));
  });

  test('the request id is taken over when it is one, else made, and stands in header and problem', async () => {
    const given = await api.send({ body: {}, headers: { 'x-request-id': 'abc_DEF-123' } });
    assert.is(given.headers.get('x-request-id'), 'abc_DEF-123');
    for (const id of ['short', 'x'.repeat(65), 'with space', '<script>']) {
      const response = await api.send({ path: '/nowhere', headers: { 'x-request-id': id } });
      const { requestId } = await problemOf(response, 'not_found');
      assert.match(requestId, /^[A-Za-z0-9_-]{22}$/);
    }
  });

  test('nothing that was sent is logged: no tag, no token, no body, no path', async () => {
    const account = newAccount();
    api.lines.length = 0;
    await api.answer({ path: INTERNAL_PATHS.accounts, body: account });
    await api.refused('bad_request', {
      path: INTERNAL_PATHS.accounts,
      body: { ...account, secret: 'plaintext' },
    });
    await api.refused('not_found', { path: `/nowhere/${account.account}`, body: account });
    const text = JSON.stringify(api.lines);
    for (const secret of [
      account.account,
      account.sealed,
      account.device.device,
      'plaintext',
      'eyJ',
      'nowhere',
    ])
      assert.not.match(text, secret);
    assert.equal(
      api.lines.map(({ level, event, code, route }) => [level, event, code, route]),
      [
        ['warn', 'internal.refused', 'bad_request', INTERNAL_PATHS.accounts],
        ['warn', 'internal.refused', 'not_found', undefined],
      ],
    );
  });
}, 20_000);

describe('internal api without its stores', ({ test, before, after }) => {
  let api: InternalApi;
  let pool: PostgresPool;
  before(async () => {
    const opened = openRecords('postgres://nobody:secret@127.0.0.1:1/none');
    pool = opened.pool;
    const nodes = () => Promise.reject(new TypeError('words of a driver'));
    api = await startInternalApi({ ...opened, registry: { nodes } });
  });
  after(async () => {
    await api.close();
    await pool.close();
  });

  test('Postgres away is unavailable, and says nothing of where it is', async () => {
    for (const call of [
      { body: { devices: [randomId()] } },
      { path: INTERNAL_PATHS.accounts, body: newAccount() },
    ]) {
      const problem = await api.refused('unavailable', call);
      assert.not.match(JSON.stringify(problem), /127\.0\.0\.1|ECONN|nobody/);
      assert.is(problem.retry, 'backoff');
    }
    assert.equal(
      api.lines.map(({ level, event, code, status }) => [level, event, code, status]),
      Array.from({ length: 2 }, () => ['error', 'internal.failed', 'ECONNREFUSED', 503]),
    );
  });

  test('an unknown fault is internal, and says nothing at all', async () => {
    api.lines.length = 0;
    const problem = await api.refused('internal', { method: 'GET', path: INTERNAL_PATHS.nodes });
    assert.not.match(JSON.stringify(problem), 'driver');
    assert.is(api.lines[0]?.error, 'TypeError');
    assert.not.match(JSON.stringify(api.lines), 'driver');
  });
});

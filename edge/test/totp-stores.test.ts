import { execFileSync } from 'node:child_process';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { LOCKOUT } from '../../shared/lockout.ts';
import { describe } from '../../shared/testing/suite.ts';
import { codeAt, type Enrolled, enrol, show, wrongCode } from './authenticator.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

const STEP_MS = 30_000;
const { failuresPerLock } = LOCKOUT;

describe('The second factor over real stores', ({ test, needs, before, beforeEach, after }) => {
  needs('redis-server');
  let stores: RealStores;
  let owner: Enrolled;
  before(async () => {
    stores = await startRealStores();
  });
  after(() => stores.stop());
  beforeEach(async () => {
    owner = await enrol(stores.client, await stores.client.join(), stores.now());
    stores.advance(2 * STEP_MS);
  });
  const signIn = (shown: object) => show(stores.client, owner, shown);
  const code = () => codeAt(owner.secret, stores.now());

  test('accepts one of fifty simultaneous uses of a code, and none when Redis was emptied', async () => {
    const totp = code();
    const answers = await Promise.all(Array.from({ length: 50 }, () => signIn({ totp })));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'second_factor_refused').length, 49);
    await stores.redis.flushall();
    assert.is((await signIn({ totp })).json.code, 'second_factor_refused');
  });

  test('signs in when Redis was emptied, and asks for the second factor still', async () => {
    await stores.redis.flushall();
    assert.is((await signIn({})).json.code, 'second_factor_required');
    await stores.redis.flushall();
    assert.is((await signIn({ totp: code() })).status, 201);
    assert.equal((await stores.redis.keys('hw1:totp:*')).length, 1);
  });

  test('judges five of many simultaneous guesses, and locks', async () => {
    const totp = wrongCode(owner.secret, stores.now());
    const answers = await Promise.all(Array.from({ length: 30 }, () => signIn({ totp })));
    const refused = answers.filter(({ json }) => json.code === 'second_factor_refused');
    assert.is(refused.length, failuresPerLock - 1);
    for (const shown of [{ totp: code() }, { recoveryCode: owner.recoveryCodes[0] }])
      assert.is((await signIn(shown)).json.code, 'second_factor_locked');
    await stores.redis.flushall();
    assert.is((await signIn({ totp: code() })).json.code, 'second_factor_locked');
    stores.advance(LOCKOUT.firstLockMs + 1_000);
    assert.is((await signIn({ totp: code() })).status, 201);
  });

  test('lets one of five simultaneous uses of a recovery code in', async () => {
    const [recoveryCode] = owner.recoveryCodes;
    const answers = await Promise.all(Array.from({ length: 5 }, () => signIn({ recoveryCode })));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
  });

  test('steps up, replaces and removes', async () => {
    const { client } = stores;
    const { json } = await client.call('/v1/totp/step-up', { token: owner.token, body: { totp: code() } });
    const replaced = await enrol(client, { ...owner, token: json.accessToken }, stores.now());
    stores.advance(2 * STEP_MS);
    assert.is((await signIn({ totp: code() })).json.code, 'second_factor_refused');
    const totp = codeAt(replaced.secret, stores.now());
    const signedIn = await signIn({ totp });
    assert.is(signedIn.status, 201);
    const { accessToken: token } = signedIn.json;
    assert.is((await client.call('/v1/totp', { method: 'DELETE', token })).status, 200);
    assert.is((await signIn({})).status, 201);
  });

  test('expires everything it keeps in Redis, and keeps no time of a sign-in in Postgres', async () => {
    await signIn({ totp: wrongCode(owner.secret, stores.now()) });
    await signIn({ totp: code() });
    for (const key of await stores.redis.keys('*')) assert.ok((await stores.redis.ttl(key)) > 0, key);
    const sql = postgres(stores.databaseUrl, { max: 1 });
    const columns = await sql<{ name: string; type: string }[]>`
      select table_name || '.' || column_name as name, data_type as type from information_schema.columns
      where table_schema = 'hushwire' and table_name in ('totp', 'recovery_codes', 'devices')`;
    await sql.end();
    assert.ok(columns.length >= 8);
    assert.equal(
      columns.filter(({ type }) => /time|date/.test(type)),
      [],
    );
  });
}, 20_000);

describe('The second factor without its Redis', ({ test, needs }) => {
  needs('redis-server');
  test('fails closed', async () => {
    const stores = await startRealStores();
    try {
      const owner = await enrol(stores.client, await stores.client.join(), stores.now());
      stores.advance(2 * STEP_MS);
      await stores.stopState();
      for (const shown of [{}, { totp: codeAt(owner.secret, stores.now()) }]) {
        const { status, json } = await show(stores.client, owner, shown);
        assert.is(status, 503);
        assert.is(json.code, 'unavailable');
      }
    } finally {
      await stores.stop();
    }
  });
}, 20_000);

describe('A real authenticator', ({ test, needs }) => {
  needs('redis-server');
  needs('oathtool');
  test('sets up the second factor and signs in', async () => {
    const stores = await startRealStores();
    const { client } = stores;
    const oathtool = (secret: string) => {
      const at = `@${Math.floor(stores.now() / 1_000)}`;
      return execFileSync('oathtool', ['--totp', '--base32', '--now', at, '-'], { input: secret })
        .toString()
        .trim();
    };
    try {
      const owner = await client.join();
      const { json } = await client.call('/v1/totp', { method: 'POST', token: owner.token });
      const secret = new URL(json.uri).searchParams.get('secret') ?? '';
      const body = { code: oathtool(secret) };
      assert.is((await client.call('/v1/totp/confirm', { token: owner.token, body })).status, 201);
      stores.advance(STEP_MS);
      assert.is((await show(client, owner, { totp: oathtool(secret) })).status, 201);
    } finally {
      await stores.stop();
    }
  });
}, 20_000);

import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createDevice, type Device } from './device.ts';
import { createHarness, type Harness } from './harness.ts';
import { CLIENT_ID, type Issuer, startIssuer } from './issuer.ts';

describe('signing up with an ID token', ({ test, before, beforeEach, after }) => {
  let issuer: Issuer;
  let edge: Harness;
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    const made = await createHarness({
      HUSHWIRE_EDGE_SIGN_UP: 'oidc',
      HUSHWIRE_EDGE_OIDC_ISSUER: issuer.url,
      HUSHWIRE_EDGE_OIDC_CLIENT_ID: CLIENT_ID,
      ...env,
    });
    made.clock.advance(Date.now() - made.clock.now());
    return made;
  };
  before(async () => {
    issuer = await startIssuer();
  });
  beforeEach(async () => {
    edge = await start();
  });
  after(() => issuer.stop());

  const signUp = async (device: Device, idToken?: string) => {
    const { publicKey } = device;
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    return edge.client.call('/v1/accounts', { body: { publicKey, assertion, idToken } });
  };

  test('tells clients what to ask for', async () => {
    const { json } = await edge.client.call('/v1/sign-up');
    assert.equal(json, {
      policy: 'oidc',
      oidc: { issuer: issuer.url, clientId: CLIENT_ID },
      totp: 'optional',
    });
    assert.equal((await (await createHarness()).client.call('/v1/sign-up')).json, {
      policy: 'open',
      totp: 'optional',
    });
  });

  test('lets in whom the issuer vouches for, once for each subject, and the same device again', async () => {
    const [device, other] = [await createDevice(), await createDevice()];
    const token = await issuer.tokenFor('ann', device.deviceId);
    const first = await signUp(device, token);
    assert.is(first.status, 201);
    assert.equal(edge.trips.calls, ['state.redeem', 'origin.createAccount']);
    assert.equal((await signUp(device, token)).json, first.json);
    const again = await signUp(other, await issuer.tokenFor('ann', other.deviceId));
    assert.equal([again.status, again.json.code], [409, 'conflict']);
    const ben = await signUp(other, await issuer.tokenFor('ben', other.deviceId));
    assert.is(ben.status, 201);
    assert.is.not(ben.json.userId, first.json.userId);
    await edge.client.signIn({ device, userId: first.json.userId });
  });

  test('lets nobody in without one, and operators always', async () => {
    const { json } = await signUp(await createDevice());
    assert.is(json.code, 'id_token_required');
    const operator = await createDevice();
    edge = await start({ HUSHWIRE_EDGE_OPERATORS: operator.deviceId });
    assert.is((await signUp(operator)).status, 201);
  });

  test('refuses a token that was asked for with another key', async () => {
    const token = await issuer.tokenFor('cleo', (await createDevice()).deviceId);
    assert.is((await signUp(await createDevice(), token)).json.code, 'id_token_refused');
    assert.is(edge.origin.accounts.size, 0);
  });

  test('refuses every claim that is not as it must be', async () => {
    const device = await createDevice();
    const nonce = device.deviceId;
    const now = Math.floor(Date.now() / 1_000);
    const wrong: readonly Readonly<Record<string, unknown>>[] = [
      { nonce: undefined },
      { nonce, iss: 'https://other.example' },
      { nonce, iss: `${issuer.url}/` },
      { nonce, aud: 'another-client' },
      { nonce, aud: [CLIENT_ID, 'another-client'] },
      { nonce, aud: [CLIENT_ID, 'another-client'], azp: 'another-client' },
      { nonce, azp: 'another-client' },
      { nonce, sub: undefined },
      { nonce, sub: '' },
      { nonce, sub: 'x'.repeat(256) },
      { nonce, sub: 7 },
      { nonce, exp: now - 120 },
      { nonce, exp: undefined },
      { nonce, iat: undefined },
      { nonce, iat: now - 720 },
      { nonce, iat: now + 120 },
      { nonce, nbf: now + 120 },
    ];
    for (const claims of wrong) {
      const { status, json } = await signUp(device, await issuer.forge(claims));
      assert.equal([status, json.code], [403, 'id_token_refused'], JSON.stringify(claims));
    }
    assert.is(edge.origin.accounts.size, 0);
    assert.is(
      (await signUp(device, await issuer.forge({ nonce }))).status,
      201,
      'and that is all there is to it',
    );
  });

  test('refuses keys that are not the issuer’s, whatever the header says', async () => {
    const device = await createDevice();
    const nonce = device.deviceId;
    const stranger = await startIssuer();
    try {
      const foreign = await stranger.forge({ nonce, iss: issuer.url });
      const good = await issuer.forge({ nonce });
      const [header = '', payload = '', signature = ''] = good.split('.');
      const none = `${encode({ alg: 'none' })}.${payload}.`;
      const unsigned = `${encode({ alg: 'none' })}.${payload}.${signature}`;
      const pointed = await stranger.forge({ nonce, iss: issuer.url }, { jku: `${stranger.url}/jwks` });
      const altered = `${header}.${encode({ ...decode(payload), sub: 'somebody' })}.${signature}`;
      for (const token of [foreign, unsigned, pointed, altered])
        assert.is((await signUp(device, token)).json.code, 'id_token_refused');
      for (const token of [none, 'x', `${'a'.repeat(9_000)}.b.c`])
        assert.is((await signUp(device, token)).json.code, 'bad_request');
    } finally {
      await stranger.stop();
    }
  });

  test('follows a rotation of the keys, and forgets those taken back', async () => {
    const device = await createDevice();
    const nonce = device.deviceId;
    const old = await issuer.forge({ nonce });
    assert.is((await signUp(device, old)).status, 201);
    edge = await start();
    await issuer.rotate();
    assert.is((await signUp(device, old)).json.code, 'id_token_refused');
    edge = await start();
    assert.is((await signUp(device, await issuer.tokenFor('ann', nonce))).status, 201);
  });

  test('made-up key ids do not make it ask the issuer again and again', async () => {
    const device = await createDevice();
    const nonce = device.deviceId;
    const before = issuer.reads;
    const ask = async () => signUp(device, await issuer.forge({ nonce }, { kid: randomId() }));
    const codes = await Promise.all(Array.from({ length: 10 }, async () => (await ask()).json.code));
    assert.equal(new Set(codes), new Set(['id_token_refused']));
    assert.ok(issuer.reads - before <= 2, `${issuer.reads - before} reads`);
  });

  test('an issuer that cannot be asked is no verdict on the token', async () => {
    const stopped = await startIssuer();
    const device = await createDevice();
    const token = await stopped.forge({ nonce: device.deviceId });
    await stopped.stop();
    edge = await start({ HUSHWIRE_EDGE_OIDC_ISSUER: stopped.url });
    const { status, json } = await signUp(device, token);
    assert.equal([status, json.code], [503, 'unavailable']);
    assert.is(edge.origin.accounts.size, 0);
  });
});

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString());

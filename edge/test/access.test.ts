import * as assert from 'uvu/assert';
import { fromBase64Url, randomId, toBase64Url, utf8 } from '../../shared/bytes.ts';
import { LIMITS } from '../../shared/limits.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, type JWK, TOKEN_KINDS } from '../../shared/token.ts';
import { encodePart, hmacToken } from './forge.ts';
import { createHarness, type Harness, PUBLIC_URL, signingKey } from './harness.ts';

describe('Access tokens', ({ test, before }) => {
  let edge: Harness;
  let good: string;
  before(async () => {
    edge = await createHarness();
    good = (await edge.client.join()).token;
  });
  const refusedWith = async (token: string | undefined, headers = {}) => {
    edge.trips.reset();
    const {
      status,
      headers: got,
      json,
    } = await edge.client.call('/v1/connect', {
      body: { channels: [] },
      ...(token === undefined ? {} : { token }),
      headers,
    });
    assert.is(status, 401);
    assert.is(got.get('www-authenticate'), 'Bearer');
    assert.equal(edge.trips.calls, [], 'no store is asked');
    return json.code;
  };

  test('are required', async () => {
    assert.is(await refusedWith(undefined), 'token_refused');
    for (const authorization of [
      '',
      'Bearer',
      'Bearer  ',
      `Basic ${good}`,
      good,
      `Bearer ${good} x`,
      `Bearer ${good},x`,
    ])
      assert.is(await refusedWith(undefined, { authorization }), 'token_refused');
  });

  test('are read before the body is', async () => {
    const { status } = await edge.client.call('/v1/connect', {
      text: '{',
      headers: { 'content-type': 'text/plain' },
    });
    assert.is(status, 401);
  });

  test('are refused when altered in any part', async () => {
    const parts = good.split('.');
    for (const i of [0, 1, 2]) {
      const part = parts[i] ?? '';
      const altered = `${part.slice(0, 10)}${part[10] === 'A' ? 'B' : 'A'}${part.slice(11)}`;
      assert.is(await refusedWith(parts.with(i, altered).join('.')), 'token_refused');
    }
  });

  test('are refused with alg none, or signed with HS256 by the public key', async () => {
    const [, claims = ''] = good.split('.');
    const [key] = (await edge.client.call('/.well-known/jwks.json')).json.keys;
    const none = encodePart({ alg: 'none', typ: 'at+jwt', kid: key.kid });
    assert.is(await refusedWith(`${none}.${claims}.`), 'token_refused');
    assert.is(await refusedWith(`${none}.${claims}.c2ln`), 'token_refused');
    const secrets = [JSON.stringify(key), key.x, fromBase64Url(key.x)];
    for (const secret of secrets) {
      const forged = await hmacToken({ alg: 'HS256', typ: 'at+jwt', kid: key.kid }, claims, secret);
      assert.is(await refusedWith(forged), 'token_refused');
    }
  });

  test('are refused with a key of the sender in the header', async () => {
    const foreign = await signingKey('k1');
    const { d: _private, ...jwk } = foreign;
    const [, claims = ''] = good.split('.');
    const head = encodePart({
      alg: 'Ed25519',
      typ: 'at+jwt',
      kid: 'k1',
      jwk,
      jku: 'https://evil.example/jwks.json',
    });
    const key = await crypto.subtle.importKey('jwk', foreign as JsonWebKey, { name: 'Ed25519' }, false, [
      'sign',
    ]);
    const signature = await crypto.subtle.sign('Ed25519', key, utf8(`${head}.${claims}`));
    const token = `${head}.${claims}.${toBase64Url(new Uint8Array(signature))}`;
    assert.is(await refusedWith(token), 'token_refused');
  });

  test('are refused when they come from another issuer or another key', async () => {
    const claims = { sub: randomId(), device: randomId(32), sid: randomId() };
    const own = edge.config.signingKeys.reveal();
    for (const [issuer, keys] of [
      ['https://other.example', own],
      [PUBLIC_URL, [await signingKey('k1')]],
      [PUBLIC_URL, [await signingKey('k2')]],
    ] as [string, JWK[]][])
      assert.is(
        await refusedWith(await (await createSigner(issuer, keys)).sign('access', claims, edge.clock.now())),
        'token_refused',
      );
  });

  test('cannot be replaced by a token of another kind', async () => {
    const signer = await createSigner(PUBLIC_URL, edge.config.signingKeys.reveal());
    const nowMs = edge.clock.now();
    const [a, b, c] = [randomId(), randomId(), randomId()];
    const tokens = [
      await signer.sign('ticket', { jti: a, session: a, device: b, mailbox: c }, nowMs),
      await signer.sign('grants', { session: a, grants: [] }, nowMs),
      await signer.sign('internal', { jti: a, method: 'GET', path: '/', bodyHash: b }, nowMs),
    ];
    for (const token of tokens) assert.is(await refusedWith(token), 'token_refused');
  });

  test('hold for 5 minutes, and 5 s for clocks', async () => {
    const { token } = await edge.client.join();
    const call = () => edge.client.call('/v1/connect', { token, body: { channels: [] } });
    edge.clock.advance(TOKEN_KINDS.access.lifeSeconds * 1_000);
    assert.is((await call()).status, 200);
    edge.clock.advance(6_000);
    assert.is((await call()).json.detail, 'The access token has expired');
  });

  test('are refused when larger than any of ours', async () => {
    assert.is(await refusedWith(`${'a'.repeat(LIMITS.tokenChars)}.b.c`), 'token_refused');
  });
});

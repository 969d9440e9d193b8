import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Client } from './client.ts';
import { createDevice } from './device.ts';
import { encodePart, hmacToken } from './forge.ts';

/** Forged, foreign, untimely and reused assertions and access tokens. */
export function credentialsContract({ test }: Suite, client: () => Client): void {
  const signIn = (assertion: string) => client().call('/v1/sessions', { body: { assertion } });

  test('accepts an assertion once, however many come at once', async () => {
    const account = await client().signUp();
    const assertion = await client().assertion(account.device, { sub: account.userId });
    const answers = await Promise.all(Array.from({ length: 20 }, () => signIn(assertion)));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'assertion_replayed').length, 19);
  });

  test('refuses forged, foreign and untimely assertions alike', async () => {
    const [account, stranger] = await Promise.all([client().signUp(), createDevice()]);
    const { device, userId: sub } = account;
    const make = (from: typeof device, options: Parameters<Client['assertion']>[1]) =>
      client().assertion(from, { sub, ...options });
    const good = await make(device, {});
    const [head = '', claims = '', signature = ''] = good.split('.');
    const assertions = [
      await make(stranger, {}),
      await make(stranger, { kid: device.deviceId }),
      await make(device, { kid: stranger.deviceId }),
      await make(device, { sub: randomId() }),
      await make(device, { purpose: 'renew', sid: randomId(), sub: randomId() }),
      await make(device, { audience: 'https://other.example' }),
      await make(device, { nowMs: Date.now() - 90_000 }),
      await make(device, { nowMs: Date.now() + 90_000 }),
      `${encodePart({ alg: 'none', typ: 'hushwire-assertion+jwt', kid: device.deviceId })}.${claims}.${signature}`,
      `${encodePart({ alg: 'ES256', typ: 'JWT', kid: device.deviceId })}.${claims}.${signature}`,
      `${head}.${encodePart({ sub, jti: randomId(), purpose: 'sign-in', aud: client().baseUrl, iat: 1 })}.${signature}`,
      await hmacToken({ alg: 'HS256', kid: device.deviceId }, claims, JSON.stringify(device.publicKey)),
    ];
    for (const assertion of assertions) {
      const { status, json } = await signIn(assertion);
      assert.is(status, 401);
      assert.is(json.code, 'credentials_refused');
      assert.is(json.detail, undefined);
    }
    assert.is((await signIn(await make(device, {}))).status, 201);
  });

  test('lets nobody who is no operator make invitations', async () => {
    const { token } = await client().join();
    const { status, json } = await client().call('/v1/invitations', { token, body: { uses: 1 } });
    assert.is(status, 403);
    assert.is(json.code, 'forbidden');
  });

  test('does not renew the session of another', async () => {
    const [alice, bob] = await Promise.all([client().join(), client().join()]);
    assert.is((await client().renew({ ...bob, sessionId: alice.sessionId })).json.code, 'session_ended');
  });

  test('refuses forged access tokens, and tokens of another kind', async () => {
    const alice = await client().join();
    const channelId = await client().createChannel(alice);
    const { json } = await client().call('/v1/connect', {
      token: alice.token,
      body: { channels: [channelId] },
    });
    const [key] = (await client().call('/.well-known/jwks.json')).json.keys;
    const [head = '', claims = '', signature = ''] = alice.token.split('.');
    const forged = [
      'x',
      `${head}.${claims}.`,
      `${head}.${claims}.${signature.slice(0, -4)}AAAA`,
      `${encodePart({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${claims}.`,
      await hmacToken({ alg: 'HS256', typ: 'at+jwt', kid: key.kid }, claims, key.x),
      json.ticket,
      json.grants,
      'a'.repeat(4_000),
    ];
    for (const token of forged)
      for (const path of ['/v1/connect', '/v1/channels', `/v1/channels/${channelId}/members`]) {
        const { status, headers, json: problem } = await client().call(path, { token, body: {} });
        assert.is(status, 401);
        assert.is(problem.code, 'token_refused');
        assert.is(headers.get('www-authenticate'), 'Bearer');
      }
  });
}

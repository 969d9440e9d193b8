import * as assert from 'uvu/assert';
import { randomId } from './bytes.ts';
import { rejectsWith } from './testing/expect.ts';
import { encode, importPrivate, signHmac, signRaw } from './testing/jwt.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';
import {
  type AssertionClaims,
  isDeviceAlgorithm,
  type JWK,
  type Purpose,
  signAssertion,
  thumbprint,
  verifyAssertion,
} from './token.ts';

const ISSUER = 'https://edge.example';
const NOW_MS = 1_790_000_000_000;
const NOW = NOW_MS / 1000;
const tag = 'kX3vQ0aZr8mN1tYw5uBc-g';

describe('assertions', ({ test, before }) => {
  interface Vector {
    readonly name: string;
    readonly algorithm: 'ES256' | 'Ed25519';
    readonly privateKey: JWK;
    readonly publicKey: JWK;
    readonly deviceId: string;
    readonly audience: string;
    readonly nowMs: number;
    readonly claims: AssertionClaims;
    readonly header: string;
    readonly payload: string;
    readonly token: string;
  }
  for (const vector of readVectors<Vector[]>('assertions'))
    test(`vector: ${vector.name}`, async () => {
      const { publicKey, deviceId, audience, nowMs, claims, token } = vector;
      assert.is(await thumbprint(publicKey), deviceId);
      assert.is(token.split('.').slice(0, 2).join('.'), `${encode(vector.header)}.${encode(vector.payload)}`);
      const { purpose } = claims;
      const { aud, iat, ...verified } = (await verifyAssertion(token, publicKey, {
        audience,
        purpose,
        nowMs,
      })) as AssertionClaims & { aud: string; iat: number };
      assert.equal([verified, aud, iat], [claims, audience, nowMs / 1000]);
      if (vector.algorithm === 'ES256') return; // Its signatures are random.
      const key = await importPrivate(vector.privateKey);
      assert.is(await signAssertion(key, claims, { audience, kid: deviceId, nowMs }), token);
    });

  interface Device {
    readonly key: CryptoKey;
    readonly publicKey: JWK;
    readonly kid: string;
  }
  let devices: readonly [Device, Device, Device];
  before(async () => {
    const p256 = { name: 'ECDSA', namedCurve: 'P-256' };
    devices = [await createDevice(p256), await createDevice(p256), await createDevice({ name: 'Ed25519' })];
  });
  const claims: AssertionClaims = { jti: randomId(), purpose: 'sign-in', sub: tag };
  const audience = ISSUER;
  const sign = ({ key, kid }: Device, more: Partial<AssertionClaims> = {}, nowMs = NOW_MS) =>
    signAssertion(key, { ...claims, ...more }, { audience, kid, nowMs });
  const verify = (token: string, { publicKey }: Device, purpose: Purpose = 'sign-in', nowMs = NOW_MS) =>
    verifyAssertion(token, publicKey, { audience, purpose, nowMs });

  test('a device of either algorithm proves itself', async () => {
    for (const device of devices) assert.is((await verify(await sign(device), device)).jti, claims.jti);
  });

  test('the key of another device is refused, of the same and of the other algorithm', async () => {
    const [a, b, c] = devices;
    await rejectsWith(verify(await sign(a), b), 'credentials_refused');
    await rejectsWith(verify(await sign(a), c), 'credentials_refused');
    await rejectsWith(verify(await sign(c), a), 'credentials_refused');
  });

  test('clocks may differ by 60 s either way, not by 61', async () => {
    const [device] = devices;
    for (const seconds of [-60, 60]) await verify(await sign(device, {}, NOW_MS + seconds * 1000), device);
    for (const seconds of [-61, 61])
      await rejectsWith(
        verify(await sign(device, {}, NOW_MS + seconds * 1000), device),
        'credentials_refused',
      );
  });

  test('a purpose does not serve another', async () => {
    const [device] = devices;
    const purposes: Purpose[] = ['sign-up', 'sign-in', 'renew'];
    for (const purpose of purposes)
      for (const asked of purposes)
        if (purpose !== asked)
          await rejectsWith(verify(await sign(device, { purpose }), device, asked), 'credentials_refused');
  });

  test('another audience is refused', async () => {
    const [device] = devices;
    const token = await signAssertion(device.key, claims, {
      ...device,
      audience: `${ISSUER}/`,
      nowMs: NOW_MS,
    });
    await rejectsWith(verify(token, device), 'credentials_refused');
  });

  test('each claim is required, and a jti of 1 to 64 characters', async () => {
    const [device] = devices;
    const head = { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: device.kid };
    const body = { ...claims, aud: audience, iat: NOW };
    const raw = async (more: object) => verify(await signRaw(head, { ...body, ...more }, device.key), device);
    assert.is((await raw({ jti: 'x'.repeat(64) })).purpose, 'sign-in');
    for (const name of ['jti', 'purpose', 'sub', 'aud', 'iat'])
      await rejectsWith(raw({ [name]: undefined }), 'credentials_refused');
    for (const more of [{ jti: '' }, { jti: 'x'.repeat(65) }, { jti: 1 }, { sub: 1 }, { iat: 'now' }])
      await rejectsWith(raw(more), 'credentials_refused');
    await rejectsWith(raw({ exp: NOW - 61 }), 'credentials_refused');
  });

  test('another typ, algorithm or header key is refused', async () => {
    const [a, b] = devices;
    const body = { ...claims, aud: audience, iat: NOW };
    const head = { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: a.kid };
    await rejectsWith(verify(await signRaw({ ...head, typ: 'JWT' }, body, a.key), a), 'credentials_refused');
    await rejectsWith(
      verify(`${encode({ ...head, alg: 'none' })}.${encode(body)}.`, a),
      'credentials_refused',
    );
    const lure = await signRaw({ ...head, jwk: b.publicKey }, body, b.key);
    await rejectsWith(verify(lure, a), 'credentials_refused');
    const hmac = await signHmac({ ...head, alg: 'HS256' }, body, JSON.stringify(a.publicKey));
    await rejectsWith(verify(hmac, a), 'credentials_refused');
  });

  test('every fault looks alike', async () => {
    const [device] = devices;
    const faults = [await sign(device, {}, 0), await sign(device, { purpose: 'renew' }), 'a.b.c', ''];
    for (const token of faults) {
      const { message, detail } = await rejectsWith(verify(token, device), 'credentials_refused');
      assert.equal([message, detail], ['The credentials were refused', undefined]);
    }
  });

  test('two algorithms are accepted of devices', () => {
    for (const alg of ['ES256', 'Ed25519']) assert.ok(isDeviceAlgorithm(alg));
    for (const alg of ['EdDSA', 'ES384', 'RS256', 'HS256', 'none', '']) assert.not.ok(isDeviceAlgorithm(alg));
  });
});

async function createDevice(algorithm: { name: string; namedCurve?: string }) {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const publicKey = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JWK;
  return { key: pair.privateKey, publicKey, kid: await thumbprint(publicKey) };
}

/** The rules of RFC 8725 (JSON Web Token best current practices), section 3, each attacked at both doors that take tokens from outside. */
import { deflateRawSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { randomId, toBase64Url, utf8 } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, TOKEN_KINDS } from '../../shared/token.ts';
import type { SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { encodePart, hmacToken } from './forge.ts';
import { createHarness, type Harness, PUBLIC_URL, signingKey } from './harness.ts';

type Claims = Record<string, unknown>;

describe('RFC 8725', ({ test, before }) => {
  let edge: Harness;
  let alice: SignedIn;
  let ourKey: CryptoKey;
  before(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
    const [own] = edge.config.signingKeys.reveal();
    ourKey = await crypto.subtle.importKey('jwk', own as JsonWebKey, { name: 'Ed25519' }, false, ['sign']);
  });

  const seconds = () => Math.floor(edge.clock.now() / 1_000);
  const kid = async () => (await edge.client.call('/.well-known/jwks.json')).json.keys[0].kid as string;
  const access = (over: Claims = {}): Claims => ({
    iss: PUBLIC_URL,
    aud: TOKEN_KINDS.access.audience,
    iat: seconds(),
    exp: seconds() + 300,
    jti: randomId(),
    sub: alice.userId,
    device: alice.device.deviceId,
    sid: alice.sessionId,
    ...over,
  });
  /** A token signed by the service's own key, as if it could be made to say anything. */
  const ours = async (claims: Claims, header: Claims = {}) =>
    signed(ourKey, { alg: 'Ed25519', typ: 'at+jwt', kid: await kid(), ...header }, claims);
  const assertion = (over: Claims = {}): Claims => ({
    aud: edge.client.audience,
    iat: seconds(),
    jti: randomId(),
    purpose: 'sign-in',
    sub: alice.userId,
    ...over,
  });
  const theirs = (claims: Claims, header: Claims = {}) =>
    signed(
      alice.device.privateKey,
      { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: alice.device.deviceId, ...header },
      claims,
    );
  const useToken = async (token: string) => {
    const { status, json } = await edge.client.call('/v1/sessions', { token });
    return status === 200 ? 'taken' : json.code;
  };
  const useAssertion = async (text: string) => {
    const { status, json } = await edge.client.call('/v1/sessions', { body: { assertion: text } });
    return status === 201 ? 'taken' : json.code;
  };
  const refusesToken = async (token: string | Promise<string>, what: string) =>
    assert.ok(
      ['token_refused', 'bad_request'].includes(await useToken(await token)),
      `access token: ${what}`,
    );
  const refusesAssertion = async (text: string | Promise<string>, what: string) =>
    assert.ok(
      ['credentials_refused', 'bad_request'].includes(await useAssertion(await text)),
      `assertion: ${what}`,
    );

  test('what the attacks start from is good', async () => {
    assert.is(await useToken(await ours(access())), 'taken');
    assert.is(await useAssertion(await theirs(assertion())), 'taken');
  });

  test('3.1 and 3.2: only the algorithms named by the service, never the one a token names', async () => {
    for (const alg of ['none', 'None', 'nOnE', '', 'HS256', 'ES256', 'RS256', 'PS512', 'EdDSA2', 'Ed448']) {
      await refusesToken(ours(access(), { alg }), alg);
      if (alg !== 'ES256') await refusesAssertion(theirs(assertion(), { alg }), alg);
    }
    const [publicKey] = (await edge.client.call('/.well-known/jwks.json')).json.keys;
    for (const secret of [JSON.stringify(publicKey), publicKey.x as string, '']) {
      if (secret === '') continue;
      const header = { alg: 'HS256', typ: 'at+jwt', kid: publicKey.kid };
      await refusesToken(hmacToken(header, encodePart(access()), secret), 'HS256 by the public key');
    }
    const device = JSON.stringify(alice.device.publicKey);
    const header = { alg: 'HS256', typ: 'hushwire-assertion+jwt', kid: alice.device.deviceId };
    await refusesAssertion(hmacToken(header, encodePart(assertion()), device), 'HS256 by the public key');
    const edwards = await createDevice('Ed25519');
    await refusesAssertion(
      signed(edwards.privateKey, { ...header, alg: 'Ed25519' }, assertion()),
      'another curve',
    );
  });

  test('3.3: every signature is checked, or all is refused', async () => {
    const [token, text] = [await ours(access()), await theirs(assertion())];
    for (const spoil of [
      ([head, body]: string[]) => `${head}.${body}.`,
      ([head, body, signature]: string[]) => `${head}.${body}.${'A'.repeat(signature?.length ?? 0)}`,
      ([head, body, signature]: string[]) => `${head}.${body}.${signature?.slice(0, -4)}`,
      ([head, body, signature]: string[]) => `${head}.${body}.${signature}.${signature}`,
      ([, body, signature]: string[]) => `.${body}.${signature}`,
    ]) {
      await refusesToken(spoil(token.split('.')), spoil.toString());
      await refusesAssertion(spoil(text.split('.')), spoil.toString());
    }
    await refusesToken(ours(access(), { crit: ['b64'], b64: false }), 'a critical extension');
    await refusesAssertion(theirs(assertion(), { crit: ['exp'] }), 'a critical extension');
  });

  test('3.4: a device key is a point of its curve', async () => {
    const { deviceId, publicKey, privateKey } = await createDevice();
    const claims = assertion({ purpose: 'sign-up', sub: '' });
    const text = await signed(
      privateKey,
      { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: deviceId },
      claims,
    );
    const zero = toBase64Url(new Uint8Array(32));
    for (const wrong of [
      { x: zero },
      { y: zero },
      { x: zero, y: zero },
      { x: publicKey.y, y: publicKey.x },
    ]) {
      const body = { publicKey: { ...publicKey, ...wrong }, assertion: text };
      const { status } = await edge.client.call('/v1/accounts', { body });
      assert.ok(status === 400 || status === 401, JSON.stringify(wrong));
    }
  });

  test('3.5: no key is a word that could be guessed', async () => {
    for (const secret of ['secret', 'password', 'hushwire', alice.userId]) {
      const header = { alg: 'HS256', typ: 'at+jwt', kid: await kid() };
      await refusesToken(hmacToken(header, encodePart(access()), secret), secret);
    }
  });

  test('3.6: nothing compressed is opened', async () => {
    const packed = toBase64Url(new Uint8Array(deflateRawSync(JSON.stringify(access()))));
    await refusesToken(
      signedText(ourKey, { alg: 'Ed25519', typ: 'at+jwt', kid: await kid(), zip: 'DEF' }, packed),
      'zip',
    );
  });

  test('3.7: claims are JSON in UTF-8', async () => {
    const wide = new Uint8Array(Buffer.from(JSON.stringify(access()), 'utf16le'));
    const header = { alg: 'Ed25519', typ: 'at+jwt', kid: await kid() };
    await refusesToken(signedText(ourKey, header, toBase64Url(wide)), 'UTF-16');
    const broken = utf8(JSON.stringify(access({ sub: 'X' })));
    broken[broken.indexOf(0x58)] = 0xff;
    await refusesToken(signedText(ourKey, header, toBase64Url(broken)), 'a broken byte');
    await refusesToken(signedText(ourKey, header, toBase64Url(utf8('[]'))), 'a list');
  });

  test('3.8: the issuer is ours, the subject the one whose device signs', async () => {
    for (const iss of ['https://other.example', `${PUBLIC_URL}/`, undefined, '', [PUBLIC_URL]])
      await refusesToken(ours(access({ iss })), `iss ${iss}`);
    const bob = await edge.client.join();
    for (const sub of [bob.userId, randomId(), undefined, 7, ''])
      await refusesAssertion(theirs(assertion({ sub })), `sub ${sub}`);
    await refusesToken(ours(access({ sub: undefined })), 'no subject');
  });

  test('3.9: the audience is this door', async () => {
    for (const aud of [TOKEN_KINDS.ticket.audience, PUBLIC_URL, undefined, '', []])
      await refusesToken(ours(access({ aud })), `aud ${aud}`);
    for (const aud of ['https://other.example', `${edge.client.audience}/`, undefined, '', []])
      await refusesAssertion(theirs(assertion({ aud })), `aud ${aud}`);
  });

  test('3.10: headers say nothing of where a key is, and kid is only looked up', async () => {
    const foreign = await signingKey('k1');
    const key = await crypto.subtle.importKey('jwk', foreign as JsonWebKey, { name: 'Ed25519' }, false, [
      'sign',
    ]);
    const { d: _private, ...jwk } = foreign;
    for (const header of [
      { jwk },
      { jku: 'https://evil.example/jwks.json' },
      { x5u: 'https://evil.example/chain.pem' },
      { x5c: ['AAAA'] },
    ])
      await refusesToken(
        signed(key, { alg: 'Ed25519', typ: 'at+jwt', kid: await kid(), ...header }, access()),
        JSON.stringify(header).slice(0, 20),
      );
    for (const wrong of ['../../dev/null', "' OR 1=1 --", '', '__proto__', 'k'.repeat(5_000), 7, null]) {
      await refusesToken(ours(access(), { kid: wrong }), `kid ${wrong}`);
      await refusesAssertion(theirs(assertion(), { kid: wrong }), `kid ${wrong}`);
    }
  });

  test('3.11: the type is told, and is the right one', async () => {
    for (const typ of ['JWT', 'jwt', undefined, '', 'hushwire-ticket+jwt', 'hushwire-assertion+jwt'])
      await refusesToken(ours(access(), { typ }), `typ ${typ}`);
    for (const typ of ['JWT', undefined, '', 'at+jwt'])
      await refusesAssertion(theirs(assertion(), { typ }), `typ ${typ}`);
  });

  test('3.12: no kind of token stands in for another, and no assertion for another purpose', async () => {
    const signer = await createSigner(PUBLIC_URL, edge.config.signingKeys.reveal());
    const [a, b] = [randomId(), randomId()];
    const nowMs = edge.clock.now();
    for (const token of [
      signer.sign('ticket', { jti: a, session: a, device: b, mailbox: b }, nowMs),
      signer.sign('grants', { session: a, grants: [] }, nowMs),
      signer.sign('mailboxes', { session: a, sender: b, mailboxes: [] }, nowMs),
      signer.sign('internal', { jti: a, method: 'GET', path: '/', bodyHash: b }, nowMs),
      theirs(assertion()),
    ])
      await refusesToken(token, 'of another kind');
    for (const purpose of ['sign-up', 'renew', 'approve-device', 'recover', undefined, ''])
      await refusesAssertion(theirs(assertion({ purpose })), `purpose ${purpose}`);
    await refusesAssertion(
      edge.client.assertion(alice.device, { purpose: 'renew', sub: alice.userId }),
      'renew',
    );
  });

  test('beside it: times within 60 s of ours for devices, 5 s for our own, and each assertion once', async () => {
    for (const skew of [-59, 59])
      assert.is(await useAssertion(await theirs(assertion({ iat: seconds() + skew }))), 'taken');
    for (const skew of [-62, 62])
      await refusesAssertion(theirs(assertion({ iat: seconds() + skew })), `${skew} s`);
    for (const iat of [undefined, 'now', null, 1e300, -1])
      await refusesAssertion(theirs(assertion({ iat })), `iat ${iat}`);
    await refusesToken(ours(access({ iat: seconds() + 60, exp: seconds() + 360 })), 'from the future');
    await refusesToken(ours(access({ exp: undefined })), 'for ever');
    await refusesToken(
      ours(access({ iat: seconds() - 4_000, exp: seconds() + 4_000 })),
      'for longer than any of ours',
    );
    const once = await theirs(assertion());
    assert.equal([await useAssertion(once), await useAssertion(once)], ['taken', 'assertion_replayed']);
  });
});

function signed(key: CryptoKey, header: Claims, claims: Claims): Promise<string> {
  return signedText(key, header, encodePart(claims));
}

/** Signs whatever stands there, without a library that would mind. */
async function signedText(key: CryptoKey, header: Claims, body: string): Promise<string> {
  const text = `${encodePart(header)}.${body}`;
  const algorithm = key.algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash: 'SHA-256' } : { name: 'Ed25519' };
  return `${text}.${toBase64Url(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(text))))}`;
}

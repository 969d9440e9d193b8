import * as assert from 'uvu/assert';
import { createPrivateKey, encode, importPrivate, signHmac, signRaw } from './testing/jwt.ts';
import { describe } from './testing/suite.ts';
import {
  createSigner,
  createVerifier,
  type Grant,
  type JWK,
  type TicketClaims,
  type Verifier,
} from './token.ts';

const ISSUER = 'https://edge.example';
const NOW_MS = 1_790_000_000_000;
const NOW = NOW_MS / 1000;
const TOLERANCE_SECONDS = 5;
const tag = 'kX3vQ0aZr8mN1tYw5uBc-g';
const ticket: TicketClaims = { jti: 'j', session: tag, device: tag, mailbox: tag };

describe('forged tokens', ({ test, before }) => {
  let privateKey: JWK;
  let verifier: Verifier;
  let genuine: string;
  const claims = { iss: ISSUER, aud: 'hushwire-origin', iat: NOW, exp: NOW + 30, ...ticket };
  const header = { alg: 'Ed25519', typ: 'hushwire-ticket+jwt', kid: 'k1' };
  const verdict = (token: string) => verifier.verify('ticket', token, NOW_MS);
  const forge = async (head: object, body: object, key = privateKey) =>
    signRaw(head, body, await importPrivate(key));
  before(async () => {
    privateKey = { ...(await createPrivateKey()), kid: 'k1' };
    const signer = await createSigner(ISSUER, [privateKey]);
    verifier = createVerifier(ISSUER, signer.publicKeys);
    genuine = await signer.sign('ticket', ticket, NOW_MS);
  });

  test('the same claims, signed by hand with the right key, are accepted: what follows fails for its own reason', async () => {
    assert.type(await verdict(await forge(header, claims)), 'object');
  });

  test('alg none is refused, with and without a signature', async () => {
    const [, body, signature] = genuine.split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const head = encode({ ...header, alg });
      assert.is(await verdict(`${head}.${body}.`), 'refused', alg);
      assert.is(await verdict(`${head}.${body}.${signature}`), 'refused', alg);
    }
  });

  test('HS256 keyed with the public key is refused', async () => {
    const { kty, crv, x } = privateKey;
    for (const secret of [x ?? '', JSON.stringify({ kty, crv, x })]) {
      const token = await signHmac({ ...header, alg: 'HS256' }, claims, secret);
      assert.is(await verdict(token), 'refused');
    }
  });

  test('another algorithm name over a good signature is refused', async () => {
    for (const alg of ['EdDSA', 'ES256', 'RS256', 'Ed448'])
      assert.is(await verdict(await forge({ ...header, alg }, claims)), 'refused', alg);
  });

  test('a key that the token brings along is not used', async () => {
    const own = await createPrivateKey();
    const { d: _private, ...jwk } = own;
    const lures = [
      { jwk },
      { jwk, kid: undefined },
      { jku: 'https://evil.example/jwks.json' },
      { x5u: 'https://evil.example/cert.pem' },
      { x5c: ['AAAA'] },
      { kid: '../../k1' },
      { kid: ['k1'] },
    ];
    for (const lure of lures)
      assert.is(await verdict(await forge({ ...header, ...lure }, claims, own)), 'refused');
  });

  test('a critical header that is not understood is refused', async () => {
    assert.is(await verdict(await forge({ ...header, crit: ['exp'], exp: 1 }, claims)), 'refused');
    assert.is(await verdict(await forge({ ...header, crit: ['b64'], b64: false }, claims)), 'refused');
  });

  test('another typ or audience is refused', async () => {
    for (const typ of ['JWT', 'at+jwt', 'hushwire-grants+jwt', undefined])
      assert.is(await verdict(await forge({ ...header, typ }, claims)), 'refused', String(typ));
    for (const aud of ['hushwire-edge', ISSUER, undefined, []])
      assert.is(await verdict(await forge(header, { ...claims, aud })), 'refused', String(aud));
  });

  test('each claim is required, and as the type it has', async () => {
    for (const name of ['iss', 'aud', 'iat', 'exp', 'jti', 'session', 'device', 'mailbox']) {
      assert.is(await verdict(await forge(header, { ...claims, [name]: undefined })), 'refused', name);
      assert.is(await verdict(await forge(header, { ...claims, [name]: { x: 1 } })), 'refused', name);
    }
  });

  test('not yet valid beyond the tolerance is refused', async () => {
    const notBefore = async (seconds: number) =>
      verdict(await forge(header, { ...claims, nbf: NOW + seconds }));
    assert.type(await notBefore(TOLERANCE_SECONDS), 'object');
    assert.is(await notBefore(TOLERANCE_SECONDS + 1), 'refused');
  });

  test('a longer life than its kind has does not help', async () => {
    assert.is(await verdict(await forge(header, { ...claims, iat: NOW - 60, exp: NOW + 9_999 })), 'expired');
  });

  test('grants must be a list of grants', async () => {
    const head = { ...header, typ: 'hushwire-grants+jwt' };
    const good: Grant = { channel: tag, member: tag, verbs: ['subscribe'], generation: 1 };
    const lists = [
      undefined,
      {},
      'x',
      [null],
      [{}],
      [{ ...good, verbs: 'subscribe' }],
      [{ ...good, channel: 1 }],
    ];
    for (const list of [...lists, [{ ...good, generation: 0.5 }], [good, { ...good, member: null }]]) {
      const token = await forge(head, { ...claims, session: tag, grants: list });
      assert.is(await verifier.verify('grants', token, NOW_MS), 'refused', JSON.stringify(list));
    }
  });

  test('a changed character anywhere is refused', async () => {
    const token = genuine;
    for (let at = 0; at < token.length - 1; at += 7) {
      const changed = token[at] === 'A' ? 'B' : 'A';
      assert.is(await verdict(token.slice(0, at) + changed + token.slice(at + 1)), 'refused', String(at));
    }
  });

  test('what is no token at all is refused', async () => {
    for (const text of ['', '.', '..', 'a.b.c', 'a.b', '\0', `${genuine}.x`])
      assert.is(await verdict(text), 'refused', text);
  });
});

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness, PUBLIC_URL } from './harness.ts';

const POSTS = [
  '/v1/accounts',
  '/v1/sessions',
  '/v1/sessions/renew',
  '/v1/channels',
  '/v1/channels/AAAAAAAAAAAAAAAAAAAAAA/members',
  '/v1/connect',
  '/v1/keys/log',
  '/v1/keys/history',
  '/v1/keys/lookup',
];
const FIELDS = [
  'publicKey',
  'assertion',
  'channelId',
  'userId',
  'channels',
  'users',
  'packages',
  'entry',
  'previous',
  'after',
  'kty',
  'crv',
  'x',
  'y',
  '__proto__',
];
const RUNS = 300;

describe('No input makes the edge fail', ({ test, before }) => {
  let edge: Harness;
  let alice: SignedIn;
  before(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
  });

  test('whatever the bytes of a body', async () => {
    await forAll(fc.constantFrom(...POSTS), fc.uint8Array({ maxLength: 200 }), async (path, bytes) => {
      const { status } = await edge.client.call(path, { text: new Uint8Array(bytes), token: alice.token });
      assert.ok(status >= 400 && status < 500);
    });
  });

  test('whatever the JSON of a body', async () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.jsonValue(),
        fc.string(),
        fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        fc.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        fc.stringMatching(/^[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}$/),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom(...FIELDS), tie('value'), { maxKeys: 4 }),
      ),
    }));
    const body = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 3 });
    await forAll(fc.constantFrom(...POSTS), body, async (path, json) => {
      const { status } = await edge.client.call(path, { body: json, token: alice.token });
      assert.ok(status < 500, `${path} answered ${status}`);
    });
  });

  test('whatever an assertion says of itself', async () => {
    const part = fc.dictionary(
      fc.constantFrom('alg', 'kid', 'typ', 'sub', 'jti', 'sid', 'aud', 'iat', 'purpose', 'crit', 'b64'),
      fc.oneof(fc.jsonValue(), fc.constantFrom('ES256', 'Ed25519', 'none', alice?.userId, PUBLIC_URL)),
    );
    await forAll(
      fc.constantFrom('/v1/sessions', '/v1/sessions/renew'),
      fc.tuple(part, part),
      async (path, parts) => {
        const [head, claims] = parts.map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'));
        const { status } = await edge.client.call(path, { body: { assertion: `${head}.${claims}.c2ln` } });
        assert.ok(status === 401 || status === 400);
      },
    );
  });

  test('whatever the path, the query and the method', async () => {
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD');
    const path = fc.oneof(
      fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).pathname + new URL(url).search),
      fc.string({ minLength: 1 }).map((text) => `/v1/channels/${encodeURIComponent(text)}/members`),
      fc.stringMatching(/^\/[%a-z0-9./]{0,20}$/),
    );
    await forAll(method, path, async (verb, where) => {
      fc.pre(URL.canParse(`${PUBLIC_URL}${where}`));
      const { status } = await edge.client.call(where, { method: verb });
      assert.ok(status < 500, `${verb} ${where} answered ${status}`);
    });
  });

  test('whatever the headers', async () => {
    const name = fc.constantFrom(
      'authorization',
      'content-type',
      'origin',
      'content-length',
      'x-request-id',
      'accept',
    );
    const headers = fc.dictionary(name, fc.stringMatching(/^[ -~]{0,40}$/));
    await forAll(fc.constantFrom(...POSTS), headers, async (path, given) => {
      const { status } = await edge.client.call(path, { body: { channels: [] }, headers: given });
      assert.ok(status >= 400 && status < 500, `${path} answered ${status}`);
    });
  });
}, 30_000);

function forAll<A, B>(
  first: fc.Arbitrary<A>,
  second: fc.Arbitrary<B>,
  holds: (a: A, b: B) => Promise<void>,
): Promise<void> {
  return fc.assert(fc.asyncProperty(first, second, holds), { numRuns: RUNS });
}

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { randomId, toBase64Url, utf8 } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { peekAssertion } from './assertion.ts';
import { assertionOf, createDevice } from './test/device.ts';

describe('peekAssertion', ({ test }) => {
  test('reads what a real assertion says of itself', async () => {
    const device = await createDevice('Ed25519');
    const [sub, sid, jti] = [randomId(), randomId(), randomId()];
    const assertion = await assertionOf(device, {
      audience: 'https://edge.example',
      purpose: 'renew',
      sub,
      sid,
      jti,
    });
    assert.equal(peekAssertion(assertion), {
      algorithm: 'Ed25519',
      deviceId: device.deviceId,
      userId: sub,
      jti,
      sessionId: sid,
      approves: undefined,
    });
  });

  const header = { alg: 'ES256', kid: randomId(32) };
  const claims = { sub: randomId(), jti: randomId() };
  const bad: readonly [string, unknown, unknown][] = [
    ['alg none', { ...header, alg: 'none' }, claims],
    ['alg HS256', { ...header, alg: 'HS256' }, claims],
    ['no kid', { alg: 'ES256' }, claims],
    ['a kid of another form', { ...header, kid: '../../x' }, claims],
    ['no sub', header, { jti: 'x' }],
    ['a sub of another form', header, { ...claims, sub: 'x' }],
    ['no jti', header, { sub: claims.sub }],
    ['an empty jti', header, { ...claims, jti: '' }],
    ['a jti of 65 characters', header, { ...claims, jti: 'x'.repeat(65) }],
    ['a sid that is a number', header, { ...claims, sid: 1 }],
    ['a device that is a number', header, { ...claims, device: 1 }],
    ['a device of another form', header, { ...claims, device: claims.jti }],
    ['a header that is a list', [], claims],
    ['claims that are null', header, null],
  ];
  for (const [what, head, body] of bad)
    test(`refuses ${what}`, () => {
      assert.is(peekAssertion(`${encode(head)}.${encode(body)}.c2ln`), undefined);
    });

  test('takes a jti of 64 characters', () => {
    assert.ok(peekAssertion(`${encode(header)}.${encode({ ...claims, jti: 'x'.repeat(64) })}.c2ln`));
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void peekAssertion(text)));
    fc.assert(
      fc.property(fc.json(), fc.json(), (a, b) => void peekAssertion(`${encodeText(a)}.${encodeText(b)}.x`)),
    );
  });
});

function encode(value: unknown): string {
  return encodeText(JSON.stringify(value));
}

function encodeText(text: string): string {
  return toBase64Url(utf8(text));
}

import * as assert from 'uvu/assert';
import { utf8 } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { createSecret, stepOf, uriOf } from './totp.ts';

/** RFC 6238, appendix B, the rows for SHA-1. */
const SECRET = utf8('12345678901234567890');
const VECTORS = [
  [59, '94287082', 0x1],
  [1_111_111_109, '07081804', 0x23523ec],
  [1_111_111_111, '14050471', 0x23523ed],
  [1_234_567_890, '89005924', 0x273ef07],
  [2_000_000_000, '69279037', 0x3f940aa],
  [20_000_000_000, '65353130', 0x27bc86aa],
] as const;

describe('stepOf', ({ test }) => {
  for (const [seconds, code, step] of VECTORS)
    test(`agrees with RFC 6238 at ${seconds} s`, () => {
      const nowMs = seconds * 1_000;
      assert.is(stepOf(code, { secret: SECRET, nowMs, digits: 8 }), step);
      assert.is(stepOf(code.slice(2), { secret: SECRET, nowMs }), step);
    });

  // The code of step 1, which lasts from 30 s to 60 s.
  const [[, vector]] = VECTORS;
  const window: readonly (readonly [ms: number, isAccepted: boolean])[] = [
    [29_999, false],
    [30_000, true],
    [59_999, true],
    [60_000, true],
    [74_999, true],
    [75_000, false],
    [90_000, false],
  ];
  for (const [nowMs, isAccepted] of window)
    test(`${isAccepted ? 'accepts' : 'refuses'} a code of the step from 30 s to 60 s at ${nowMs} ms`, () => {
      assert.is(stepOf(vector.slice(2), { secret: SECRET, nowMs }), isAccepted ? 1 : undefined);
    });

  test('refuses the code of the next step', () => {
    assert.is(stepOf('050471', { secret: SECRET, nowMs: 1_111_111_109_000 }), undefined);
  });
});

describe('a new secret', ({ test }) => {
  test('has 160 bit, and is another one each time', () => {
    const secrets = Array.from({ length: 20 }, createSecret);
    for (const secret of secrets) assert.match(secret, /^[A-Z2-7]{32}$/);
    assert.is(new Set(secrets).size, secrets.length);
  });

  test('is what its URI says', () => {
    const secret = createSecret();
    const uri = new URL(uriOf(secret, { issuer: 'chat.example', label: 'A_-9' }));
    assert.is(uri.protocol, 'otpauth:');
    assert.is(`${uri.host}${decodeURIComponent(uri.pathname)}`, 'totp/chat.example:A_-9');
    // Absent parameters have the values authenticators assume: SHA1, 6, 30.
    assert.equal(Object.fromEntries(uri.searchParams), { secret, issuer: 'chat.example' });
  });
});

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { fromBase64Url, fromUtf8, lengthPrefixed, randomId, toBase64Url, utf8 } from './bytes.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';

describe('base64url', ({ test }) => {
  // RFC 4648 §10, without padding, and the two characters that differ from plain base64.
  const pairs: readonly [string, string][] = [
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
    ['\u{7ff}\u{3fb}', '37_Puw'],
  ];
  for (const [text, encoded] of pairs)
    test(`"${text}" is "${encoded}"`, () => {
      assert.is(toBase64Url(utf8(text)), encoded);
      assert.is(fromUtf8(fromBase64Url(encoded)), text);
    });

  for (const text of ['A', 'AAAAA', 'AA==', 'A+', 'A/', 'A A', 'AAA\n', 'é'])
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(
        () => fromBase64Url(text),
        (error: unknown) => error instanceof TypeError,
      );
    });

  test('property: bytes come back as they were, beyond one chunk too', () => {
    const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 0x7fff, maxLength: 0x8002 }));
    fc.assert(
      fc.property(bytes, (value) => assert.equal([...fromBase64Url(toBase64Url(value))], [...value])),
      { numRuns: 50 },
    );
  });
});

describe('UTF-8', ({ test }) => {
  test('property: text comes back as it was', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.is(fromUtf8(utf8(text)), text)));
  });

  test('a byte order mark in front is text like any other', () => {
    assert.is(fromUtf8(utf8('\ufeffa')), '\ufeffa');
  });

  const malformed: readonly (readonly number[])[] = [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]];
  for (const bytes of malformed)
    test(`${bytes.map((byte) => byte.toString(16)).join(' ')} is refused`, () => {
      assert.throws(
        () => fromUtf8(Uint8Array.from(bytes)),
        (error: unknown) => error instanceof TypeError,
      );
    });
});

describe('lengthPrefixed', ({ test }) => {
  interface Vector {
    readonly name: string;
    readonly fields: readonly string[];
    readonly hex: string;
  }
  for (const { name, fields, hex } of readVectors<Vector[]>('length-prefixed'))
    test(name, () => assert.is(Buffer.from(lengthPrefixed(fields)).toString('hex'), hex));

  test('property: two lists give the same bytes only when they are the same', () => {
    const text = fc.string({ maxLength: 3, unit: fc.constantFrom('a', '\0', '\u{1}') });
    const list = fc.array(text, { maxLength: 4 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        const isSame = Buffer.compare(lengthPrefixed(a), lengthPrefixed(b)) === 0;
        assert.is(isSame, JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

describe('randomId', ({ test }) => {
  test('16 bytes are 22 characters, and no two are alike', () => {
    const ids = Array.from({ length: 1_000 }, () => randomId());
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{22}$/);
    assert.is(new Set(ids).size, ids.length);
  });

  test('the number of bytes can be chosen', () => {
    for (const bytes of [6, 9, 32]) assert.is(fromBase64Url(randomId(bytes)).length, bytes);
  });
});

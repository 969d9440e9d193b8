import { Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { linesOf, TEXT_MAX_BYTES, textOf } from './lines.ts';
import { printable } from './output.ts';

const input = (...parts: (string | Buffer)[]) => Readable.from(parts.map((part) => Buffer.from(part)));
const lines = async (...parts: (string | Buffer)[]) => {
  const found: string[] = [];
  for await (const line of linesOf(input(...parts))) found.push(line);
  return found;
};

describe('lines of the standard input', ({ test }) => {
  test('are the same however they are cut', async () => {
    const bytes = Buffer.from('one\r\nzw\u00f6lf\n\nlast');
    const expected = ['one', 'zw\u00f6lf', '', 'last'];
    for (let at = 1; at < bytes.length; at += 1)
      assert.equal(await lines(bytes.subarray(0, at), bytes.subarray(at)), expected);
    assert.equal(await lines('one\n'), ['one']);
    assert.equal(await lines(), []);
  });

  test('hold what a message holds, and no byte more', async () => {
    const fits = '\u00f6'.repeat(TEXT_MAX_BYTES / 2);
    assert.equal(await lines(`${fits}\n`, fits), [fits, fits]);
    await rejectsWith(lines(`${fits}x\n`), 'payload_too_large');
    await rejectsWith(lines(fits, 'x'), 'payload_too_large');
    assert.is(await textOf(input(fits)), fits);
    await rejectsWith(textOf(input(fits, 'x')), 'payload_too_large');
  });
});

describe('printing', ({ test }) => {
  test('leaves text alone, and shows what would command a terminal', () => {
    const family = '\u{1f469}\u200d\u{1f467} \u05e9\u05dc\u05d5\u05dd';
    assert.is(printable(family), family);
    assert.is(printable('a\nb\tc\u001b]0;x\u0007\u009b1m'), 'a\\nb\\tc\\u001b]0;x\\u0007\\u009b1m');
    assert.is(printable('\u202eevil\u2066\u2028'), '\\u202eevil\\u2066\\u2028');
  });
});

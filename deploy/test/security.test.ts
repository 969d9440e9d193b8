import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

const read = (file: string) => readFileSync(join(CHECKOUT, file), 'utf8');

/** Every "cannot" of the threat model names tests that exist, under the titles it gives them. */
describe('the threat model', ({ test }) => {
  const [, section = ''] = read('SECURITY.md').split(/<!-- \/?adversaries -->/);
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const tests = new Map(
    [...section.matchAll(/^(\d+)\. \[(.*)\]\((.*)\)$/gm)].map(([, number, title, file]) => [
      Number(number),
      { title: title ?? '', file: file ?? '' },
    ]),
  );

  test('has rows and numbered tests', () => {
    assert.ok(rows.length >= 12);
    assert.ok(tests.size >= 15);
  });

  for (const [, who = '', , cannot = '', shownBy = ''] of rows)
    test(`shows what somebody cannot do who ${who}`, () => {
      assert.ok(cannot.length >= 8);
      const numbers = shownBy.split(', ').map(Number);
      for (const number of numbers) assert.ok(tests.has(number), `${shownBy}: there is no number ${number}`);
    });

  for (const [number, { title, file }] of tests)
    test(`number ${number} is a test, and somebody names it`, () => {
      assert.ok(read(file).includes(`test('${title}`), `${file} has no test "${title}"`);
      assert.ok(rows.some(([, , , , shownBy = '']) => shownBy.split(', ').includes(String(number))));
    });
});

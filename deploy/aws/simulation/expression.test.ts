import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { parseExpression } from './expression.ts';

describe('metric math', ({ test }) => {
  const cases: readonly [text: string, value: number | undefined][] = [
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['8 - 3 - 2', 3],
    ['a / b', 5],
    ['a / 0', undefined],
    ['a > b AND b > 1', 1],
    ['a > b AND b > 2', 0],
    ['a < b OR b == 2', 1],
    ['IF(a >= 10, 1, 0)', 1],
    ['IF(a <= 9.5, 1, b)', 2],
    ['IF(missing > 1, 1, 0)', undefined],
    ['a < missing AND 0', undefined],
  ];
  for (const [text, value] of cases)
    test(`${text} is ${value}`, () => assert.is(parseExpression(text)({ a: 10, b: 2 }), value));

  for (const text of ['', '1 +', '(1', 'FILL(a, 0)', 'IF(a, 1)', 'a b', 'a & b'])
    test(`refuses "${text}"`, () => assert.throws(() => parseExpression(text)));
});

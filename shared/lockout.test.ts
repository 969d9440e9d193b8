import * as assert from 'uvu/assert';
import { lockMs, locksOf } from './lockout.ts';
import { describe } from './testing/suite.ts';

const MINUTE_MS = 60_000;

describe('lockout', ({ test }) => {
  const rows: readonly (readonly [failures: number, minutes: number])[] = [
    [0, 0],
    [4, 0],
    [5, 15],
    [9, 15],
    [10, 30],
    [15, 60],
    [34, 480],
    [35, 960],
    [40, 1_440],
    [99, 1_440],
    [100, 1_440],
  ];
  for (const [failures, minutes] of rows)
    test(`${failures} failures in a row lock for ${minutes} min`, () =>
      assert.is(lockMs(failures), minutes * MINUTE_MS));

  test('counts locks', () => {
    assert.equal([0, 4, 5, 9, 10, 100].map(locksOf), [0, 0, 1, 1, 2, 20]);
  });
});

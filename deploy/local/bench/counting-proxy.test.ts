import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { tripsOf } from './counting-proxy.ts';

const at = (startMs: number, endMs: number) => ({ startMs, endMs });

describe('round trips of a call', ({ test }) => {
  const cases: readonly [what: string, passages: ReturnType<typeof at>[], trips: number][] = [
    ['are none without a request', [], 0],
    ['count requests that wait for each other', [at(0, 1), at(2, 3), at(4, 5)], 3],
    ['count requests side by side once', [at(0, 5), at(1, 4), at(2, 9)], 1],
    ['count the longest chain', [at(0, 10), at(0, 2), at(3, 5), at(4, 12)], 2],
  ];
  for (const [what, passages, trips] of cases) test(what, () => assert.is(tripsOf(passages), trips));
});

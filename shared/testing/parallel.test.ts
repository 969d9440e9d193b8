import * as assert from 'uvu/assert';
import { mapParallel } from './parallel.ts';
import { describe } from './suite.ts';

describe('mapParallel', ({ test }) => {
  test('keeps the order of the items and never exceeds the limit', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return item * 10;
    };
    assert.equal(await mapParallel([1, 2, 3, 4, 5], work, 2), [10, 20, 30, 40, 50]);
    assert.is(most, 2);
  });

  test('rejects with the first error', async () => {
    const fail = async () => {
      throw new Error('planted');
    };
    const outcome = await mapParallel([1], fail, 2).catch((error: unknown) => error);
    assert.instance(outcome, Error);
  });
});

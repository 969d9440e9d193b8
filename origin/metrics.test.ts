import * as assert from 'uvu/assert';
import { FAILURES } from '../shared/failures.ts';
import { describe } from '../shared/testing/suite.ts';
import { createCounters } from './metrics.ts';

describe('counters', ({ test }) => {
  test('begin at zero with every label there can be', () => {
    const { publishes, closed, failed } = createCounters();
    assert.is(publishes, 0);
    assert.is(closed.get('peer'), 0);
    assert.is(closed.get('slow_consumer'), 0);
    assert.is(closed.has('not_found'), false);
    assert.equal([...failed.keys()], Object.keys(FAILURES));
  });

  test('count by label, each for itself', () => {
    const counters = createCounters();
    counters.closes('peer');
    counters.closes('peer');
    counters.failures('unavailable');
    assert.is(counters.closed.get('peer'), 2);
    assert.is(counters.failed.get('unavailable'), 1);
    assert.is(createCounters().closed.get('peer'), 0);
  });
});

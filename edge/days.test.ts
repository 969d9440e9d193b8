import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { addDays, dayOf, expiryAfter, startOf } from './days.ts';

describe('Days', ({ test }) => {
  test('are UTC and cross months and leap years', () => {
    assert.is(dayOf(Date.parse('2026-11-23T23:59:59.999Z')), '2026-11-23');
    assert.is(addDays('2028-02-28', 1), '2028-02-29');
    assert.is(addDays('2026-12-31', 1), '2027-01-01');
  });

  test('are all that an expiry tells of the time it was made', () => {
    const tag = randomId();
    const morning = expiryAfter(Date.parse('2026-11-23T00:00:00Z'), { days: 2, tag });
    const night = expiryAfter(Date.parse('2026-11-23T23:59:59Z'), { days: 2, tag });
    assert.is(morning, night);
    assert.is(morning % 3_600_000, 0);
    assert.ok(morning >= startOf('2026-11-25') && morning < startOf('2026-11-26'));
  });

  test('spread expiries over the hours of a day', () => {
    const expiries = Array.from({ length: 500 }, () => expiryAfter(0, { days: 2, tag: randomId() }));
    assert.is(new Set(expiries).size, 24);
  });
});

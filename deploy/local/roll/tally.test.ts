import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { type Marked, Tally } from './tally.ts';

const message = (number: number): Marked => ({ channel: 0, sender: 1, number, atMs: 10 });

describe('the books of a rolling restart', ({ test }) => {
  test('balance when every member has every accepted message once', () => {
    const tally = new Tally({ readers: 2, members: 2 });
    for (const number of [1, 2]) {
      tally.accepted(message(number));
      for (const reader of [0, 1]) tally.received(reader, message(number), 14);
    }
    assert.equal(tally.totals(), { accepted: 2, delivered: 4, lost: 0, duplicated: 0, reordered: 0 });
    assert.equal(tally.latenciesMs, [4, 4, 4, 4]);
  });

  test('tell what is lost, what came twice and what came late', () => {
    const tally = new Tally({ readers: 2, members: 2 });
    for (const number of [1, 2, 3]) tally.accepted(message(number));
    for (const number of [2, 1, 2]) tally.received(0, message(number), 14);
    tally.received(1, message(3), 14);
    assert.equal(tally.totals(), { accepted: 3, delivered: 3, lost: 3, duplicated: 1, reordered: 1 });
  });

  test('do not miss what was never accepted', () => {
    const tally = new Tally({ readers: 1, members: 1 });
    tally.received(0, message(1), 14);
    assert.is(tally.totals().lost, 0);
  });
});

import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { describe } from '../testing/suite.ts';
import { createDeadline } from './deadline.ts';
import { ManualClock } from './test/manual-clock.ts';

describe('deadline', ({ test }) => {
  test('aborts with unavailable when the time is up, and lets go of its timer', async () => {
    const clock = new ManualClock();
    const deadline = createDeadline(clock, 100);
    await clock.advance(99);
    assert.not.ok(deadline.signal.aborted);
    await clock.advance(1);
    assert.is((deadline.signal.reason as Failure).code, 'unavailable');
    createDeadline(clock, 100).clear();
    assert.is(clock.armed, 0);
  });

  test('stands still while a person is asked, and begins anew after', async () => {
    const clock = new ManualClock();
    const deadline = createDeadline(clock, 100);
    await deadline.pause(() => clock.advance(1_000));
    await clock.advance(99);
    assert.not.ok(deadline.signal.aborted);
    await clock.advance(1);
    assert.ok(deadline.signal.aborted);
  });

  test('arms nothing when it was cleared while a person was asked', async () => {
    const clock = new ManualClock();
    const deadline = createDeadline(clock, 100);
    await deadline.pause(async () => deadline.clear());
    assert.is(clock.armed, 0);
  });

  test('aborts with the reason of the given signal', () => {
    const given = new AbortController();
    const deadline = createDeadline(new ManualClock(), 100, given.signal);
    given.abort(new Failure('conflict'));
    assert.is((deadline.signal.reason as Failure).code, 'conflict');
  });
});

import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { pauseMs, retrying } from './retry.ts';
import { ManualClock } from './test/manual-clock.ts';

const BACKOFF = { baseMs: 100, capMs: 300 };

describe('retries', ({ test }) => {
  test('pause below a ceiling that doubles up to the cap, after what the server asked for', () => {
    const clock = new ManualClock();
    const failure = new Failure('unavailable');
    const pauses = [0, 1, 2, 9].map((attempt) => pauseMs(attempt, { failure, backoff: BACKOFF, clock }));
    assert.equal(pauses, [50, 100, 150, 150]);
    const asked = new Failure('too_many_requests', { retryAfterMs: 1_000 });
    assert.is(pauseMs(0, { failure: asked, backoff: BACKOFF, clock }), 1_050);
  });

  test('try again until it works', async () => {
    const clock = new ManualClock();
    let tried = 0;
    const attempt = async () => {
      tried += 1;
      if (tried < 3) throw new Failure('unavailable');
      return tried;
    };
    const result = retrying(attempt, { clock, backoff: BACKOFF, signal: new AbortController().signal });
    await clock.advance(149);
    assert.is(tried, 2);
    await clock.advance(1);
    assert.is(await result, 3);
  });

  test('tell a long wait at once to who asked, and sit out a short one', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const locked = async () => {
      throw new Failure('second_factor_locked', { retryAfterMs: 20_001 });
    };
    await rejectsWith(retrying(locked, { clock, signal }), 'second_factor_locked');
    let tried = 0;
    const limited = async () => {
      tried += 1;
      if (tried === 1) throw new Failure('too_many_requests', { retryAfterMs: 20_000 });
    };
    const sat = retrying(limited, { clock, backoff: BACKOFF, signal });
    await clock.advance(20_300);
    await sat;
    assert.is(tried, 2);
  });

  test('stop at advice never, at foreign errors, and after their tries', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    let tried = 0;
    const failing = (error: Error) => () => {
      tried += 1;
      return Promise.reject(error);
    };
    await rejectsWith(retrying(failing(new Failure('forbidden')), { clock, signal }), 'forbidden');
    assert.is(tried, 1);
    await retrying(failing(new TypeError('bug')), { clock, signal }).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, TypeError),
    );
    const last = rejectsWith(
      retrying(failing(new Failure('unavailable')), { clock, signal, tries: 2 }),
      'unavailable',
    );
    await clock.advance(60_000);
    await last;
    assert.is(tried, 4);
  });

  test('end their pause with the reason of an abort', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const result = rejectsWith(
      retrying(() => Promise.reject(new Failure('unavailable')), { clock, signal: abort.signal }),
      'conflict',
    );
    await clock.advance(0);
    abort.abort(new Failure('conflict'));
    await result;
    assert.is(clock.armed, 0);
  });
});

import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { LIMIT_RULES, type LimitName } from '../limits.ts';
import type { Limiter, Verdict } from '../ports.ts';

/** What every limiter must do, under the profile `default`. */
export function limiterContract({ test }: Suite, limiter: () => Limiter): void {
  /** So many at once as a busy edge has under way. */
  const AT_ONCE = 100;
  const draws = async (name: LimitName, tag: string, count: number) => {
    const verdicts: Verdict[] = [];
    while (verdicts.length < count) {
      const length = Math.min(AT_ONCE, count - verdicts.length);
      verdicts.push(...(await Promise.all(Array.from({ length }, () => limiter().draw(name, tag)))));
    }
    return verdicts;
  };

  for (const name of Object.keys(LIMIT_RULES) as LimitName[]) {
    const { calls, windowSeconds } = LIMIT_RULES[name];
    test(`${name}: allows ${calls} calls in ${windowSeconds} s, however many come at once, and no more`, async () => {
      const window = () => Math.floor(Date.now() / (windowSeconds * 1_000));
      let verdicts: Verdict[] = [];
      // Once more, should a window end meanwhile: then the library weighs two of them.
      for (let begun = -1; begun !== window(); ) {
        begun = window();
        const tag = randomId();
        verdicts = [...(await draws(name, tag, calls - 1)), ...(await draws(name, tag, 3))];
      }
      assert.ok(verdicts.slice(0, calls - 1).every((verdict) => verdict === 'allowed'));
      const more = verdicts.slice(calls - 1);
      assert.is(more.filter((verdict) => verdict === 'allowed').length, 1);
      const refused = more.find((verdict) => typeof verdict === 'object');
      assert.ok(typeof refused === 'object' && refused.retryAfterMs > 0);
      assert.ok(refused.retryAfterMs <= windowSeconds * 1_000);
    });
  }

  test('keeps the budgets of two tags, and two budgets of one, apart', async () => {
    const [one, other] = [randomId(), randomId()];
    await draws('signUp', one, LIMIT_RULES.signUp.calls + 1);
    assert.is(await limiter().draw('signUp', other), 'allowed');
    assert.is(await limiter().draw('proof', one), 'allowed');
  });
}

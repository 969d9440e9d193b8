import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { LIMIT_RULES, type LimitName } from '../limits.ts';
import type { Limiter } from '../ports.ts';

/** What every limiter must do, under the profile `default`. */
export function limiterContract({ test }: Suite, limiter: () => Limiter): void {
  const draws = (name: LimitName, tag: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => limiter().draw(name, tag)));

  for (const name of Object.keys(LIMIT_RULES) as LimitName[]) {
    const { calls, windowSeconds } = LIMIT_RULES[name];
    test(`${name}: allows ${calls} calls in ${windowSeconds} s, however many come at once, and no more`, async () => {
      const tag = randomId();
      const verdicts = await draws(name, tag, calls - 1);
      assert.ok(verdicts.every((verdict) => verdict === 'allowed'));
      const more = await draws(name, tag, 3);
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

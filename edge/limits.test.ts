import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { budgetsOf, LIMIT_RULES } from './limits.ts';

describe('budgets of calls', ({ test }) => {
  test('are printed in protocol.md as they are', () => {
    const page = readFileSync(new URL('../shared/protocol.md', import.meta.url), 'utf8');
    const [, behind = ''] = page.split('<!-- budgets -->\n');
    const rows = behind.slice(0, behind.indexOf('\n\n')).split('\n').slice(2);
    const wanted = Object.entries(LIMIT_RULES).map(
      ([name, { subject, calls, windowSeconds, withoutStore, what }]) =>
        `| \`${name}\` | ${subject} | ${calls} | ${windowSeconds} | ${withoutStore} | ${what} |`,
    );
    assert.equal(rows, wanted);
  });

  test('are raised for load tests by address only', () => {
    const { signUp, write } = budgetsOf('loadtest');
    assert.equal(signUp, { calls: 200_000, windowSeconds: LIMIT_RULES.signUp.windowSeconds });
    assert.is(write.calls, LIMIT_RULES.write.calls);
  });
});

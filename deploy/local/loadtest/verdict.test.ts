import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { exitCode, judge, type Metric, type Summary } from './verdict.ts';

const trend = (values: Record<string, number>, limits: Record<string, boolean> = {}): Metric => ({
  type: 'trend',
  values: { count: 10, ...values },
  thresholds: Object.fromEntries(Object.entries(limits).map(([limit, ok]) => [limit, { ok }])),
});
const summary = (metrics: Record<string, Metric>): Summary => ({
  scenario: 'hold',
  metrics,
  state: { testRunDurationMs: 60_000 },
});
const late = trend({ 'p(99)': 30 });
const inTime = trend({ 'p(99)': 3 });
const kept = trend({ 'p(99)': 12.5 }, { 'p(99)<50': true });
const broken = trend({ 'p(99)': 80.123 }, { 'p(99)<50': false });

describe('the verdict of a load test', ({ test }) => {
  test('passes when every limit was kept by a generator that was in time', () => {
    const verdict = judge(summary({ generator_lag_ms: inTime, realtime_ms: kept }));
    assert.equal([verdict.is, verdict.reasons, exitCode(verdict)], ['passed', [], 0]);
  });

  test('fails with what was measured', () => {
    const verdict = judge(summary({ generator_lag_ms: inTime, realtime_ms: broken }));
    assert.equal([verdict.is, exitCode(verdict)], ['failed', 1]);
    assert.equal(verdict.reasons, ['realtime_ms should have been p(99)<50, and was 80.12']);
  });

  test('says nothing, neither good nor bad, when the generator was late', () => {
    for (const realtime of [kept, broken]) {
      const verdict = judge(summary({ generator_lag_ms: late, realtime_ms: realtime }));
      assert.equal([verdict.is, exitCode(verdict)], ['invalid', 3]);
      assert.match(verdict.reasons[0] ?? '', /generator had no time left/);
    }
  });

  test('says nothing when iterations could not begin, nothing was written, or it was stopped', () => {
    const dropped: Metric = { type: 'counter', values: { count: 4 } };
    assert.is(judge(summary({ realtime_ms: kept, dropped_iterations: dropped })).is, 'invalid');
    assert.is(judge(undefined).is, 'invalid');
    assert.is(judge(summary({ realtime_ms: kept }), true).is, 'invalid');
  });

  test('a limit of what was never measured is not kept, though k6 says so', () => {
    const unseen = trend({ count: 0 }, { 'p(99)<50': true });
    const rate: Metric = {
      type: 'rate',
      values: { rate: 0, passes: 0, fails: 0 },
      thresholds: { 'rate==1': { ok: true } },
    };
    assert.is(judge(summary({ realtime_ms: unseen })).is, 'invalid');
    assert.is(judge(summary({ present: rate })).is, 'invalid');
    const none: Metric = { type: 'counter', values: { count: 0 }, thresholds: { 'count<1': { ok: true } } };
    assert.is(judge(summary({ lost: none })).is, 'passed', 'but a count of nothing is a count');
  });
});

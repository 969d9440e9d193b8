import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { Histogram } from './histogram.ts';
import { allRatios, casesOf, figureOf, ratiosOf } from './report.ts';
import type { Row, Sample } from './row.ts';
import { alignTable, show } from './table.ts';
import type { TargetName } from './target.ts';

const ORDER: readonly TargetName[] = ['hushwire', 'sio-classic', 'bare'];

function sample(target: TargetName, cpuUs: number, invalid?: string): Sample {
  const figures = { cpuUs, p50Ms: cpuUs / 10 };
  return {
    row: 'unicast',
    setting: '6,000/s',
    bytes: 200,
    target,
    figures,
    ...(invalid === undefined ? {} : { invalid }),
  };
}

describe('report', ({ test }) => {
  test('takes median, smallest and largest', () => {
    assert.equal(figureOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
    assert.equal(figureOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  });

  test('groups by row, setting and size, and keeps the order of targets', () => {
    const other = { ...sample('bare', 9), bytes: 1_024 };
    const cases = casesOf([sample('bare', 40), sample('hushwire', 60), other], ORDER);
    assert.equal(
      cases.map(({ bytes, entries }) => [bytes, entries.map(({ target }) => target)]),
      [
        [200, ['hushwire', 'bare']],
        [1_024, ['bare']],
      ],
    );
  });

  test('divides medians of valid samples only', () => {
    const samples = [
      ...[50, 60, 1_000].map((cpuUs) => sample('hushwire', cpuUs)),
      sample('sio-classic', 120),
      sample('sio-classic', 10, 'the generator saturated'),
      sample('bare', 30, 'the generator saturated'),
    ];
    const [one] = casesOf(samples, ORDER);
    assert.ok(one);
    assert.equal(ratiosOf(one, 'cpuUs'), { 'sio-classic': 0.5 });
    assert.is(one.entries[2]?.invalid, 'the generator saturated');
    assert.is(one.entries[1]?.samples, 1);
  });

  test('names every ratio of the main figures', () => {
    const row = { name: 'unicast', figures: { cpuUs: 'CPU µs' } } as unknown as Row; // Nothing else of it is read.
    const cases = casesOf([sample('hushwire', 1), sample('bare', 3)], ORDER);
    assert.equal(allRatios(cases, [row]), { 'unicast 6,000/s 200 B': { bare: 0.333 } });
  });

  test('shows figures with three digits and pads tables', () => {
    assert.equal([0.12345, 12.345, 1_234.5, 0].map(show), ['0.123', '12.3', '1,235', '0']);
    assert.is(
      alignTable([
        ['a', 'b'],
        ['long', '1'],
      ]),
      '| a    |   b |\n|------|----:|\n| long |   1 |',
    );
  });
});

describe('histogram', ({ test }) => {
  test('finds quantiles within 1.6 %, also after merging', () => {
    const one = new Histogram();
    const other = new Histogram();
    for (let us = 1; us <= 10_000; us += 1) (us % 2 === 0 ? one : other).add(us);
    one.merge(other.counts);
    assert.is(one.total, 10_000);
    for (const share of [0.001, 0.5, 0.99, 0.999]) {
      const ratio = (one.quantileMs(share) * 1_000) / (share * 10_000);
      assert.ok(ratio >= 1 && ratio <= 1.11, `${share}: ${ratio}`);
      if (share > 0.1) assert.ok(ratio <= 1.017, `${share}: ${ratio}`);
    }
  });

  test('has no quantile of nothing, and holds the longest times', () => {
    const histogram = new Histogram();
    assert.ok(Number.isNaN(histogram.quantileMs(0.5)));
    histogram.add(2 ** 40);
    assert.ok(histogram.quantileMs(0.5) > 4_000_000);
  });
});

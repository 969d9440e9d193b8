import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { chart, niceAbove } from './chart.ts';
import { renderReport } from './report.ts';
import type { Summary } from './verdict.ts';
import type { Sample } from './watch.ts';

const sample = (atS: number, sockets: number): Sample => ({
  ...{ atS, sockets, accepted: atS * 10, realtimeP95Ms: 4, apiP95Ms: undefined, lagP95Ms: 1 },
  ...{ refused: 0, generatorCores: 0.5, machineBusy: 0.7 },
});
const summary: Summary = {
  scenario: 'hold',
  metrics: {
    realtime_ms: {
      type: 'trend',
      values: { med: 4, 'p(99)': 12.345, count: 9 },
      thresholds: { 'p(99)<50': { ok: true } },
    },
    lost: { type: 'counter', values: { count: 0 } },
    iterations: { type: 'counter', values: { count: 3 } },
  },
  state: { testRunDurationMs: 1_000 },
};

describe('the report of a load test', ({ test }) => {
  const html = renderReport({
    scenario: 'hold',
    about: 'sockets <b>',
    facts: [['machine', 'a & b']],
    verdict: {
      is: 'failed',
      reasons: ['because'],
      limits: [{ metric: 'realtime_ms', limit: 'p(99)<50', isKept: true }],
    },
    summary,
    samples: [sample(1, 10), sample(2, 20)],
  });

  test('needs nothing from anywhere', () => {
    assert.not.match(html, /<script|<link|https?:|url\(|@import/);
  });

  test('tells the verdict, the promises with what was measured, and the machine', () => {
    for (const text of [
      'A promise was not kept',
      'because.',
      'p(99)&#60;50',
      '12.35',
      'a &#38; b',
      'sockets &#60;b',
    ])
      assert.ok(html.includes(text), text);
    assert.not.ok(html.includes('iterations'), 'what nobody asked');
  });

  test('draws lines that break where nothing is known, and nothing where there is nothing', () => {
    const svg = chart('Sockets', { at: [1, 2, 3, 4], series: [{ name: 'a', values: [1, undefined, 3, 4] }] });
    assert.is(svg.match(/<path[^>]*d="([^"]*)"/)?.[1]?.match(/M/g)?.length, 2);
    assert.is(chart('Nothing', { at: [1, 2], series: [{ name: 'a', values: [undefined, undefined] }] }), '');
    assert.is(chart('Nothing', { at: [], series: [] }), '');
  });

  test('its scales end at round figures', () => {
    assert.equal([0, 0.7, 1, 3, 7, 60, 10_200].map(niceAbove), [1, 1, 1, 5, 10, 100, 20_000]);
  });
});

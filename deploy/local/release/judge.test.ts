import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { type Figures, figuresFrom, judge, since } from './judge.ts';

const WELL: Figures = {
  isReady: true,
  connections: 10,
  publishes: 1_000,
  failures: 0,
  gaps: 0,
  lagSeconds: 0.01,
  relayLagSeconds: 0,
};

describe('a canary', ({ test }) => {
  test('goes on when it does as well as the others', () => {
    assert.is(judge(WELL, [WELL]), undefined);
    assert.is(judge({ ...WELL, failures: 9 }, [WELL]), undefined, 'less than one in a hundred');
    assert.is(
      judge({ ...WELL, failures: 100 }, [{ ...WELL, failures: 90 }]),
      undefined,
      'all of them suffer',
    );
    assert.is(judge({ ...WELL, gaps: 2 }, [{ ...WELL, gaps: 1 }]), undefined, 'so do gaps');
    assert.is(
      judge({ ...WELL, lagSeconds: 0.3 }, [{ ...WELL, lagSeconds: 0.2 }]),
      undefined,
      'a busy machine',
    );
  });

  const worse: readonly (readonly [what: string, change: Partial<Figures>, reason: RegExp])[] = [
    ['is not ready', { isReady: false }, /not ready/],
    ['has no connections', { connections: 0 }, /too little/],
    ['was asked for too little', { publishes: 19 }, /too little/],
    ['fails', { failures: 30 }, /2\.9 % of its commands fail, 0\.0 %/],
    ['tells gaps', { gaps: 1 }, /told 1 gaps/],
    ['is late', { lagSeconds: 0.2 }, /event loop is 200 ms late/],
    ['hears late', { relayLagSeconds: 0.2 }, /relay is 200 ms late/],
  ];
  for (const [what, change, reason] of worse)
    test(`is taken back when it alone ${what}`, () => {
      assert.match(judge({ ...WELL, ...change }, [WELL, WELL]) ?? '', reason);
    });

  test('is known by what its metrics say since the watch began', () => {
    const metrics = (publishes: number, unavailable: number) => `# HELP hushwire_ready 1
hushwire_ready{node="a"} 1
hushwire_connections 12
hushwire_publishes_total ${publishes}
hushwire_gaps_total 3
hushwire_command_failures_total{code="unavailable",node="a"} ${unavailable}
hushwire_command_failures_total{code="too_many_requests",node="a"} 70
hushwire_event_loop_lag_seconds 0.004
hushwire_relay_lag_seconds{node="a"} 0.002
`;
    const [before, now] = [figuresFrom(metrics(10, 1)), figuresFrom(metrics(110, 5))];
    assert.equal(since(before, now), {
      ...{
        isReady: true,
        connections: 12,
        publishes: 100,
        failures: 4,
        gaps: 0,
        lagSeconds: 0.004,
        relayLagSeconds: 0.002,
      },
    });
    assert.is(figuresFrom('').isReady, false);
  });
});

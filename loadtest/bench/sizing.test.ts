import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { judge } from './budgets.ts';
import { casesOf } from './report.ts';
import type { Sample } from './row.ts';
import { type Costs, costsOf, needOf } from './sizing.ts';
import { TARGET_NAMES, type TargetName } from './target.ts';

const COSTS: Costs = {
  messageUs: 100,
  redisUs: 40,
  deliveryUs: 5,
  connectUs: 500,
  socketKib: 8,
  redisSocketKib: 0.5,
  nodeMib: 100,
};

function sample(row: string, target: TargetName, figures: Record<string, number>): Sample {
  return { row, setting: '6,000/s', bytes: 200, target, figures };
}

describe('sizing', ({ test }) => {
  test('lets sockets or work decide the number of nodes, and keeps one to spare', () => {
    const quiet = needOf({ users: 100_000, perUser: 1 / 60, readers: 10 }, COSTS);
    assert.is(quiet.nodes, 11);
    // 10,000 messages a second, each 60 · 5.5 µs in nodes: 3.3 cores, at 60 % six nodes.
    const busy = needOf({ users: 10_000, perUser: 1, readers: 10 }, COSTS);
    assert.is(busy.nodes, 7);
    assert.is(busy.deliveries, 100_000);
  });

  test('shards Redis when its core is filled', () => {
    assert.is(needOf({ users: 15_000, perUser: 1, readers: 1 }, COSTS).redisServers, 1);
    assert.is(needOf({ users: 15_100, perUser: 1, readers: 1 }, COSTS).redisServers, 2);
  });

  test('adds the memory of sockets and of processes', () => {
    const { memoryGib } = needOf({ users: 131_072, perUser: 0.001, readers: 1 }, COSTS);
    assert.is(memoryGib.toFixed(3), (1 + (15 * 100) / 1_024).toFixed(3));
  });

  test('is not made from half a run', () => {
    assert.is(
      costsOf(casesOf([sample('unicast', 'hushwire', { cpuUs: 1, redisUs: 1 })], TARGET_NAMES)),
      undefined,
    );
  });
});

describe('budgets', ({ test }) => {
  test('are judged by ratio and by figure', () => {
    const samples = [
      sample('unicast', 'hushwire', { cpuUs: 60 }),
      sample('unicast', 'sio-streams', { cpuUs: 121 }),
      sample('unicast', 'sio-classic', { cpuUs: 85 }),
      sample('idle', 'hushwire', { kib: 6 }),
    ];
    const verdicts = judge(casesOf(samples, TARGET_NAMES));
    assert.equal(
      verdicts.map(({ atMost, isKept }) => [atMost, isKept]),
      [
        [0.5, true],
        [0.7, false],
        [6, true],
      ],
    );
  });

  test('say nothing where the other one was invalid', () => {
    const samples = [
      sample('unicast', 'hushwire', { cpuUs: 60 }),
      { ...sample('unicast', 'sio-streams', { cpuUs: 121 }), invalid: 'the generator saturated' },
    ];
    assert.equal(judge(casesOf(samples, TARGET_NAMES)), []);
  });
});

import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { exampleTemplate } from '../example.ts';
import type { Template } from '../template.ts';
import { simulate } from './group.ts';
import { LOADS } from './load.ts';
import { type Point, readPolicies } from './policies.ts';
import { judgeTemplate, outcomeLine } from './verdict.ts';

const TEXT = JSON.stringify(exampleTemplate());
const judge = (text: string) => judgeTemplate(JSON.parse(text) as Template);

describe('the scaling policies of the template', ({ test }) => {
  for (const outcome of judge(TEXT))
    test(`hold under the load "${outcome.load}"`, () =>
      assert.equal(outcome.faults, [], outcomeLine(outcome)));

  test('are put to use: each kind of change happens', () => {
    const policies = readPolicies(JSON.parse(TEXT) as Template);
    assert.equal([policies.out.length, policies.in.length, policies.min], [3, 1, 3]);
    const changes = LOADS.flatMap((load) => simulate(policies, load).changes);
    assert.ok(changes.some(({ by }) => by > 0) && changes.some(({ by }) => by === -1));
    assert.ok(
      changes.every(({ by }) => by >= -1),
      'one at a time',
    );
  });

  test('hold in while the budget burns and while nothing is known, and not for longer', () => {
    const policies = readPolicies(JSON.parse(TEXT) as Template);
    const firstIn = (name: string) => {
      const load = LOADS.find((each) => each.name === name);
      return load && simulate(policies, load).changes.find(({ by }) => by < 0)?.minute;
    };
    assert.ok((firstIn('exodus') ?? 0) < 180);
    for (const name of ['exodus while the budget burns', 'exodus without metrics']) {
      const minute = firstIn(name) ?? 0;
      assert.ok(minute >= 330 && minute < 340, `${name}: ${minute}`);
    }
  });
});

describe('bad policies', ({ test }) => {
  // What is changed in the template, and what the simulation must say of it.
  const planted: readonly [what: string, change: (text: string) => string, fault: string, load: string][] = [
    [
      'out only when nearly full',
      (text) => text.replaceAll(/("TargetValue":)\d+/g, '$195'),
      'too late',
      'ramp',
    ],
    ['never out', (text) => text.replace(/("MaxSize":)"12"/, '$1"3"'), 'too late', 'ramp'],
    [
      'nothing but connections counts',
      (text) => text.replaceAll(/("TargetValue":)70/g, '$1100000'),
      'too late',
      'ramp of work',
    ],
    [
      'in as soon as below what calls for out',
      (text) =>
        text
          .replace(
            /cpu < 30 AND connections < 35 AND loop < 35/,
            'cpu < 68 AND connections < 58 AND loop < 68',
          )
          .replace(/("DatapointsToAlarm":)30,/, '$12,')
          .replace(/("EvaluationPeriods":)30,/, '$12,')
          .replace(/("Cooldown":)"900"/, '$1"60"'),
      'flaps',
      'waves',
    ],
    [
      'in while the budget burns',
      (text) => text.replace(' AND failures < commands * 0.001', ''),
      'while the budget burns',
      'exodus while the budget burns',
    ],
    ['never in', (text) => text.replace(/loop < 35/, 'loop < 0'), 'never returns', 'exodus'],
    [
      'two suffice, until one is lost',
      (text) => text.replace(/("MinSize":)"3"/, '$1"2"'),
      'only 1',
      'loss when small',
    ],
    ['one suffices', (text) => text.replace(/("MinSize":)"3"/, '$1"1"'), 'only 1', 'daily'],
    [
      'in by five at once, and early',
      (text) =>
        text
          .replace(/("ScalingAdjustment":)-1/, '$1-5')
          .replace(
            /cpu < 30 AND connections < 35 AND loop < 35/,
            'cpu < 60 AND connections < 60 AND loop < 70',
          ),
      'too late',
      'daily',
    ],
  ];
  for (const [what, change, fault, load] of planted)
    test(`fail: ${what}`, () => {
      const changed = change(TEXT);
      assert.is.not(changed, TEXT, 'nothing was changed');
      const outcome = judge(changed).find((each) => each.load === load);
      assert.ok(
        outcome?.faults.some((found) => found.includes(fault)),
        outcome && outcomeLine(outcome),
      );
    });

  const refused: readonly [what: string, from: RegExp, to: string][] = [
    ['a kind nobody simulates', /"SimpleScaling"/, '"StepScaling"'],
    ['target tracking that scales in', /"DisableScaleIn":true/, '"DisableScaleIn":false'],
    ['a metric nobody publishes', /"MetricName":"ConnectionUtilization"/g, '"MetricName":"Mood"'],
    ['missing data as calm', /("Calm[\s\S]*?"TreatMissingData":)"notBreaching"/, '$1"breaching"'],
    ['an expression that cannot be read', /IF\(cpu </, 'RATE(cpu <'],
  ];
  for (const [what, from, to] of refused)
    test(`are refused: ${what}`, () => {
      const changed = TEXT.replace(from, to);
      assert.is.not(changed, TEXT, 'nothing was changed');
      assert.throws(() => judge(changed));
    });
});

describe('calm', ({ test }) => {
  const [policy] = readPolicies(JSON.parse(TEXT) as Template).in;
  const CALM: Point = { cpu: 10, connections: 10, loop: 10, commands: 1_000, failures: 0 };

  test('is when everything is low and nearly nothing fails', () => assert.ok(policy?.isCalm(CALM)));

  const others: Partial<Point>[] = [
    { cpu: 30 },
    { connections: 35 },
    { loop: 35 },
    { failures: 1 },
    { commands: 0 },
    { commands: undefined },
    { loop: undefined },
  ];
  for (const change of others)
    test(`is not with ${Object.keys(change)} ${Object.values(change)}`, () =>
      assert.is(policy?.isCalm({ ...CALM, ...change }), false));
});

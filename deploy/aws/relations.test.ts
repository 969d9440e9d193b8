import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { DUMP_GROUP_NAME } from './dumps.ts';
import { EXAMPLE, exampleTemplate } from './example.ts';
import { brokenRelations } from './relations.ts';
import { type Json, resourcesOf, type Template } from './template.ts';
import { DEREGISTRATION, DRAIN, NODE_KEEP_ALIVE, SOCKET_IDLE } from './timings.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const source = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const CONNECTIONS = EXAMPLE.database.connections;

describe('relations of the template', ({ test }) => {
  const text = JSON.stringify(exampleTemplate());
  const faults = (changed: string) => brokenRelations(JSON.parse(changed) as Template, CONNECTIONS);
  const attribute = (key: string, value: string) => ({
    from: new RegExp(`("Key":"${key}","Value":)"\\d+"`, 'g'),
    to: `$1"${value}"`,
  });

  test('hold', () => assert.equal(faults(text), []));

  // Each fault, and the change that brings it about.
  const planted: readonly [fault: string, change: { from: RegExp; to: string }][] = [
    ['before the nodes have pinged', attribute('idle_timeout.timeout_seconds', '60')],
    ['before the balancer does: 502', attribute('idle_timeout.timeout_seconds', '95')],
    ['is not checked by /readyz', { from: /"\/readyz"/g, to: '"/livez"' }],
    ['before the balancer notices', { from: /(DRAIN_LEAD_MS)='20000'/, to: "$1='9000'" }],
    ['cuts a drain', attribute('deregistration_delay.timeout_seconds', '265')],
    ['cuts a drain', { from: /(DRAIN_CAP_MS)='240000'/, to: "$1='275000'" }],
    ['cuts a drain', { from: /HUSHWIRE_ORIGIN_DRAIN_CAP_MS/, to: 'HUSHWIRE_OTHER' }],
    [
      'exclude each other',
      { from: /(\{"Key":"load_balancing)/g, to: '{"Key":"slow_start.duration_seconds","Value":"60"},$1' },
    ],
    ['outlives its node', attribute('stickiness.lb_cookie.duration_seconds', '301')],
    ['hook ends before a drain', { from: /("HeartbeatTimeout":)330/, to: '$1265' }],
    ['shorter than the deregistration', { from: /("HeartbeatTimeout":)330/, to: '$1300' }],
    ['one termination hook', { from: /EC2_INSTANCE_TERMINATING/, to: 'EC2_INSTANCE_LAUNCHING' }],
    ['fewer than two', { from: /("MinSize":)"3"/, to: '$1"1"' }],
    ['in one zone', { from: /("VPCZoneIdentifier":\[[^,\]]+)[^\]]+\]/g, to: '$1]' }],
    ['by name', { from: /"Version":\{[^}]+\}/g, to: '"Version":"$Latest"' }],
    ['past the budget', { from: /"DisableScaleIn":true/, to: '"DisableScaleIn":false' }],
    ['connections to Postgres', { from: /(POOL_MAX)='5'/, to: "$1='6'" }],
  ];
  for (const [fault, { from, to }] of planted)
    test(`do not when ${from.source} is ${to}`, () => {
      const changed = text.replace(from, to);
      assert.is.not(changed, text, 'nothing was changed');
      assert.ok(
        faults(changed).some((found) => found.includes(fault)),
        faults(changed).join('; '),
      );
    });

  test('build on what the nodes really do', () => {
    const page = source('deploy/configuration.md');
    const byDefault = (name: string) =>
      Number(new RegExp(`^\\| \`HUSHWIRE_${name}\` .* (\\d+) \\|$`, 'm').exec(page)?.[1]);
    assert.is(byDefault('ORIGIN_SOCKET_IDLE_SECONDS'), SOCKET_IDLE);
    for (const part of ['ORIGIN', 'EDGE'])
      assert.is(byDefault(`${part}_KEEP_ALIVE_MS`), NODE_KEEP_ALIVE * 1_000);
  });

  test('fit the unit of the instance: it is not killed while it drains, and has files for its sockets', () => {
    const unit = source('deploy/instance/hushwire-origin.service');
    const of = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(unit)?.[1]);
    assert.ok(of('TimeoutStopSec') > DRAIN.lead + DRAIN.cap, 'killed while it drains');
    assert.ok(of('TimeoutStopSec') <= DEREGISTRATION, 'still there when the balancer has cut it off');
    // Each connection is a file of its process; stores, logs and modules need a few.
    const most = /MAX_CONNECTIONS = ([\d_]+)/.exec(source('origin/main.ts'))?.[1]?.replaceAll('_', '');
    assert.ok(of('LimitNOFILE') >= Number(most) + 1_000, 'files');
  });
});

describe('user data', ({ test }) => {
  const scripts = resourcesOf(exampleTemplate(), 'AWS::EC2::LaunchTemplate').map(([, template]) =>
    template.at('LaunchTemplateData', 'UserData').text(),
  );

  test('names only variables that the origin has', () => {
    const page = source('deploy/configuration.md');
    const names = scripts.flatMap((script) => script.match(/HUSHWIRE_ORIGIN_\w+/g) ?? []);
    assert.ok(names.length >= 15);
    for (const name of names) assert.ok(page.includes(`\`${name}\``), name);
  });

  test('holds no secret, only the way to it', () => {
    const text = JSON.stringify(exampleTemplate());
    assert.ok(scripts.every((script) => script.includes('get-secret-value')));
    assert.not.match(scripts.join(), /resolve:secretsmanager|postgres:\/\//);
    assert.is(text.match(/\{\{resolve:secretsmanager/g)?.length, 1, 'the relay itself, set by AWS');
  });
});

describe('rights', ({ test }) => {
  // Actions that take no resource, and why each is harmless: see deploy/aws/findings.ts.
  const UNBOUND = new Set(['cloudwatch:PutMetricData', 'elasticloadbalancing:DescribeTargetHealth']);
  const statements = resourcesOf(exampleTemplate(), 'AWS::IAM::Policy').flatMap(([, policy]) =>
    policy.at('PolicyDocument', 'Statement').list(),
  );
  const listed = (value: Json) => (Array.isArray(value.raw) ? value.list() : [value]);

  test('are single actions on named things', () => {
    assert.ok(statements.length >= 6);
    for (const statement of statements)
      for (const action of listed(statement.at('Action')).map((each) => each.text())) {
        assert.not.match(action, /\*/);
        const isUnbound = listed(statement.at('Resource')).some((resource) => resource.raw === '*');
        if (isUnbound) assert.ok(UNBOUND.has(action), `${action} on everything`);
      }
  });

  test('to publish metrics end at our namespace', () => {
    const publishing = statements.filter((each) => each.at('Action').raw === 'cloudwatch:PutMetricData');
    assert.is(publishing.length, 2);
    for (const statement of publishing)
      assert.is(statement.at('Condition', 'StringEquals', 'cloudwatch:namespace').raw, 'Hushwire');
  });

  test('of a node do not reach the dumps', () => {
    for (const [id, policy] of resourcesOf(exampleTemplate(), 'AWS::IAM::Policy'))
      if (JSON.stringify(policy.raw).includes('s3:')) assert.match(id, /^DumpRole/);
    assert.is(DUMP_GROUP_NAME, 'hushwire-dump');
  });
});

describe('what could tell who', ({ test }) => {
  test('is in no log: neither addresses, nor requests', () => {
    const template = exampleTemplate();
    const [, flow] = resourcesOf(template, 'AWS::EC2::FlowLog')[0] ?? [];
    assert.not.match(flow?.at('LogFormat').text() ?? 'addr', /addr|interface/);
    assert.match(flow?.at('LogFormat').text() ?? '', /action/);
    assert.equal(resourcesOf(template, 'AWS::WAFv2::LoggingConfiguration'), []);
    assert.not.match(
      JSON.stringify(template),
      /"SampledRequestsEnabled":true|access_logs\.s3\.enabled","Value":"true/,
    );
  });
});

/** The group's real policies, as the synthesised template has them. */
import { GROUP_NAME, METRIC } from '../names.ts';
import { type Json, resourcesOf, resourceWhere, type Template } from '../template.ts';
import { parseExpression } from './expression.ts';

/** One minute of the group; undefined where nothing was published. */
export interface Point {
  readonly cpu: number | undefined;
  readonly connections: number | undefined;
  readonly loop: number | undefined;
  readonly commands: number | undefined;
  readonly failures: number | undefined;
}

export interface Tracking {
  readonly metric: keyof Point;
  readonly target: number;
}

export interface ScaleIn {
  readonly adjustment: number;
  readonly cooldownSeconds: number;
  readonly periods: number;
  readonly needed: number;
  /** Whether a minute counts towards scaling in. */
  readonly isCalm: (point: Point) => boolean;
}

export interface Policies {
  readonly min: number;
  readonly max: number;
  readonly warmUpSeconds: number;
  readonly out: readonly Tracking[];
  readonly in: readonly ScaleIn[];
}

const NAMES: Readonly<Record<string, keyof Point>> = {
  CPUUtilization: 'cpu',
  [METRIC.connections]: 'connections',
  [METRIC.loop]: 'loop',
  [METRIC.commands]: 'commands',
  [METRIC.failures]: 'failures',
};

/** Throws on a policy it does not know how to simulate: one that is left out would be one that is not tested. */
export function readPolicies(template: Template): Policies {
  const group = resourceWhere(template, 'AWS::AutoScaling::AutoScalingGroup', [
    'AutoScalingGroupName',
    GROUP_NAME,
  ]);
  const policies = resourcesOf(template, 'AWS::AutoScaling::ScalingPolicy');
  const kindOf = (policy: Json) => policy.at('PolicyType').text();
  for (const [id, policy] of policies)
    if (!['TargetTrackingScaling', 'SimpleScaling'].includes(kindOf(policy)))
      throw new Error(`${id}: ${kindOf(policy)} is not simulated`);
  return {
    min: group.at('MinSize').number(),
    max: group.at('MaxSize').number(),
    warmUpSeconds: group.at('DefaultInstanceWarmup').number(),
    out: policies
      .filter(([, policy]) => kindOf(policy) === 'TargetTrackingScaling')
      .map(([, policy]) => readTracking(policy)),
    in: policies
      .filter(([, policy]) => kindOf(policy) === 'SimpleScaling')
      .map(([id, policy]) => readScaleIn(template, { id, policy })),
  };
}

function readTracking(policy: Json): Tracking {
  const given = policy.at('TargetTrackingConfiguration');
  if (given.at('DisableScaleIn').raw !== true)
    throw new Error('target tracking that scales in is not simulated');
  const custom = given.at('CustomizedMetricSpecification', 'MetricName');
  const predefined = given.at('PredefinedMetricSpecification', 'PredefinedMetricType');
  const name = predefined.raw === 'ASGAverageCPUUtilization' ? 'CPUUtilization' : custom.text();
  return { metric: pointKey(name), target: given.at('TargetValue').number() };
}

function readScaleIn(template: Template, { id, policy }: { id: string; policy: Json }): ScaleIn {
  const found = resourcesOf(template, 'AWS::CloudWatch::Alarm').find(([, alarm]) =>
    JSON.stringify(alarm.at('AlarmActions').raw ?? []).includes(`"${id}"`),
  );
  if (found === undefined) throw new Error(`no alarm acts by ${id}`);
  const [, alarm] = found;
  return {
    adjustment: policy.at('ScalingAdjustment').number(),
    cooldownSeconds: policy.at('Cooldown').number(),
    periods: alarm.at('EvaluationPeriods').number(),
    needed: alarm.at('DatapointsToAlarm').number(),
    isCalm: readCondition(alarm),
  };
}

function readCondition(alarm: Json): (point: Point) => boolean {
  if (alarm.at('ComparisonOperator').raw !== 'GreaterThanOrEqualToThreshold')
    throw new Error('comparison not simulated');
  if (alarm.at('TreatMissingData').raw !== 'notBreaching') throw new Error('missing data would scale in');
  const threshold = alarm.at('Threshold').number();
  const metrics = alarm.at('Metrics').list();
  const expression = parseExpression(
    metrics
      .find((each) => each.at('Expression').isPresent)
      ?.at('Expression')
      .text() ?? '',
  );
  const inputs = metrics
    .filter((each) => each.at('MetricStat').isPresent)
    .map(
      (each) =>
        [each.at('Id').text(), pointKey(each.at('MetricStat', 'Metric', 'MetricName').text())] as const,
    );
  return (point) => {
    const value = expression(Object.fromEntries(inputs.map(([id, key]) => [id, point[key]])));
    return value !== undefined && value >= threshold;
  };
}

function pointKey(metric: string): keyof Point {
  const key = NAMES[metric];
  if (key === undefined) throw new Error(`metric ${metric} is not simulated`);
  return key;
}

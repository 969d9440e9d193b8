/**
 * What must hold between settings of different parts, judged on the synthesised template: each alone may look right while
 * together they cut sockets, lose a drain or exhaust Postgres, and AWS takes them all the same.
 */
import { GROUP_NAME } from './names.ts';
import { REFRESH_MAX_HEALTHY_PERCENT } from './settings.ts';
import { Json, resourcesOf, resourceWhere, type Template } from './template.ts';
import { AGENT_POLL, NODE_KEEP_ALIVE, SOCKET_IDLE } from './timings.ts';

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';

/** Every relation that does not hold, as a sentence; empty when all do. */
export function brokenRelations(template: Template, databaseConnections: number): string[] {
  const group = resourceWhere(template, GROUP, ['AutoScalingGroupName', GROUP_NAME]);
  const env = environment(template, group);
  return [
    ...idleFaults(template),
    ...targetFaults(template, env),
    ...terminationFaults(template, env),
    ...groupFaults(template, group),
    ...poolFaults({ group, env, databaseConnections }),
  ];
}

/** Variables that the user data of the group's launch template writes. */
function environment(template: Template, group: Json): ReadonlyMap<string, string> {
  const id = group.at('LaunchTemplate', 'LaunchTemplateId', 'Ref').text();
  const resource = new Json(template.Resources[id], id);
  const script = resource.at('Properties', 'LaunchTemplateData', 'UserData').text();
  return new Map(
    [...script.matchAll(/^(HUSHWIRE_\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

function idleFaults(template: Template): string[] {
  const idles = resourcesOf(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer').map(([, balancer]) =>
    attribute(balancer, 'LoadBalancerAttributes', 'idle_timeout.timeout_seconds'),
  );
  return idles.flatMap((idle) => [
    ...unless(idle > SOCKET_IDLE, 'the balancer closes silent sockets before the nodes have pinged them'),
    ...unless(idle < NODE_KEEP_ALIVE, 'the nodes close idle API connections before the balancer does: 502'),
  ]);
}

function targetFaults(template: Template, env: ReadonlyMap<string, string>): string[] {
  return resourcesOf(template, TARGETS).flatMap(([id, group]) => {
    const of = (key: string) => attribute(group, 'TargetGroupAttributes', key);
    const noticed =
      group.at('HealthCheckIntervalSeconds').number() * group.at('UnhealthyThresholdCount').number();
    return [
      ...unless(group.at('HealthCheckPath').raw === '/readyz', `${id} is not checked by /readyz`),
      ...unless(seconds(env, 'LEAD') >= noticed, `${id}: a node stops accepting before the balancer notices`),
      ...unless(longestDrain(env) < of('deregistration_delay.timeout_seconds'), `${id} cuts a drain`),
      ...unless(
        !(of('slow_start.duration_seconds') > 0 && hasLeastOutstanding(group)),
        `${id}: slow start and least outstanding requests exclude each other`,
      ),
      ...unless(
        !(of('stickiness.lb_cookie.duration_seconds') > of('deregistration_delay.timeout_seconds')),
        `${id}: stickiness outlives its node`,
      ),
    ];
  });
}

function terminationFaults(template: Template, env: ReadonlyMap<string, string>): string[] {
  const waits = resourcesOf(template, 'AWS::AutoScaling::LifecycleHook')
    .filter(([, hook]) => hook.at('LifecycleTransition').raw === 'autoscaling:EC2_INSTANCE_TERMINATING')
    .map(([, hook]) => hook.at('HeartbeatTimeout').number());
  const delays = resourcesOf(template, TARGETS).map(([, group]) =>
    attribute(group, 'TargetGroupAttributes', 'deregistration_delay.timeout_seconds'),
  );
  return [
    ...unless(waits.length === 1, 'there must be one termination hook'),
    ...waits.flatMap((wait) => [
      ...unless(longestDrain(env) < wait, 'the termination hook ends before a drain does'),
      ...unless(
        delays.every((delay) => delay < wait),
        'the termination hook is shorter than the deregistration',
      ),
    ]),
  ];
}

function groupFaults(template: Template, group: Json): string[] {
  const tracking = resourcesOf(template, 'AWS::AutoScaling::ScalingPolicy')
    .map(([, policy]) => policy.at('TargetTrackingConfiguration'))
    .filter((configuration) => configuration.isPresent);
  const version = group.at('LaunchTemplate', 'Version');
  return [
    ...unless(group.at('MinSize').number() >= 2, 'fewer than two instances are allowed'),
    ...unless(group.at('VPCZoneIdentifier').list().length >= 2, 'all instances are in one zone'),
    ...unless(typeof version.raw !== 'string', 'a launch template version by name cannot be rolled back'),
    ...unless(
      tracking.every((configuration) => configuration.at('DisableScaleIn').raw === true),
      'a target tracking policy scales in, past the budget',
    ),
  ];
}

function poolFaults(given: {
  group: Json;
  env: ReadonlyMap<string, string>;
  databaseConnections: number;
}): string[] {
  const { group, env, databaseConnections } = given;
  const instances = Math.ceil((group.at('MaxSize').number() * REFRESH_MAX_HEALTHY_PERCENT) / 100);
  const most = instances * variable(env, 'PROCESSES') * variable(env, 'DATABASE_POOL_MAX');
  return unless(most <= databaseConnections, `the nodes may open ${most} connections to Postgres`);
}

function longestDrain(env: ReadonlyMap<string, string>): number {
  return AGENT_POLL + seconds(env, 'LEAD') + seconds(env, 'CAP');
}

function seconds(env: ReadonlyMap<string, string>, name: 'LEAD' | 'CAP'): number {
  return variable(env, `DRAIN_${name}_MS`) / 1_000;
}

/** NaN, which no relation holds for, where the variable is not written. */
function variable(env: ReadonlyMap<string, string>, name: string): number {
  return Number(env.get(`HUSHWIRE_ORIGIN_${name}`));
}

/** A numeric attribute of a balancer or target group; NaN where it is not set. */
function attribute(owner: Json, list: string, key: string): number {
  const found = owner
    .at(list)
    .list()
    .find((each) => each.at('Key').raw === key);
  return found === undefined ? Number.NaN : found.at('Value').number();
}

function hasLeastOutstanding(group: Json): boolean {
  const attributes = group.at('TargetGroupAttributes').list();
  return attributes.some((each) => each.at('Value').raw === 'least_outstanding_requests');
}

function unless(holds: boolean, fault: string): string[] {
  return holds ? [] : [fault];
}

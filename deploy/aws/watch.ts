import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { HttpCodeElb } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Balancer } from './balancer.ts';
import { METRICS } from './metrics.ts';
import { NAMESPACE } from './names.ts';

const { GREATER_THAN_THRESHOLD: ABOVE, LESS_THAN_THRESHOLD: BELOW } = cloudwatch.ComparisonOperator;
const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
const MINUTE = Duration.minutes(1);

interface Wanted {
  readonly about: string;
  readonly metric: cloudwatch.IMetric;
  readonly is: cloudwatch.ComparisonOperator;
  readonly threshold: number;
  readonly minutes: number;
  /** What no data means; silence of the nodes is bad news. */
  readonly missing: cloudwatch.TreatMissingData;
}

export function createTopic(scope: Construct, alarmEmail: string): sns.Topic {
  const topic = new sns.Topic(scope, 'Alarms', { enforceSSL: true });
  new sns.Subscription(scope, 'AlarmMail', {
    topic,
    protocol: sns.SubscriptionProtocol.EMAIL,
    endpoint: alarmEmail,
  });
  return topic;
}

/** Those that also stop a refresh: commands fail at 14.4 times the budget (SRE Workbook), or too few instances are ready. */
export function createRefreshAlarms(scope: Construct, topic: sns.Topic): cloudwatch.Alarm[] {
  const { commands, failures, ready } = METRICS;
  const ratio = new cloudwatch.MathExpression({
    expression: 'IF(commands > 0, 100 * failures / commands, 0)',
    usingMetrics: { commands, failures },
    period: MINUTE,
  });
  const burn = { metric: ratio, is: ABOVE, threshold: 1.44, minutes: 5, missing: NOT_BREACHING };
  const few = { metric: ready, is: BELOW, threshold: 2, minutes: 2, missing: BREACHING };
  return [
    alarm(scope, 'CommandsFail', { ...burn, about: 'deploy/runbooks/error-budget.md' }, topic),
    alarm(scope, 'TooFewReady', { ...few, about: 'deploy/runbooks/too-few-nodes.md' }, topic),
  ];
}

/** The others that a person is told of. Prometheus has the finer ones (deploy/monitoring/alarms.yml). */
export function createAlarms(
  scope: Construct,
  given: { balancer: Balancer; relay: string; topic: sns.Topic },
): void {
  const { sockets, loadBalancer } = given.balancer;
  const few = { is: ABOVE, minutes: 5, missing: NOT_BREACHING };
  const wanted: Record<string, Wanted> = {
    LoopBusy: { ...few, about: 'deploy/runbooks/capacity.md', metric: METRICS.loopMost, threshold: 85 },
    NodesFull: { ...few, about: 'deploy/runbooks/capacity.md', metric: METRICS.connections, threshold: 80 },
    Unhealthy: {
      ...few,
      about: 'deploy/runbooks/node-down.md',
      metric: sockets.metrics.unhealthyHostCount({ period: MINUTE }),
      threshold: 0,
    },
    BalancerFails: {
      ...few,
      about: 'deploy/runbooks/node-down.md',
      metric: loadBalancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, { period: MINUTE }),
      threshold: 10,
    },
    RelayMemory: {
      ...few,
      about: 'deploy/runbooks/relay-down.md',
      metric: ofRelay(given.relay, 'DatabaseMemoryUsagePercentage'),
      threshold: 75,
    },
    RelayCpu: {
      ...few,
      about: 'deploy/runbooks/relay-lag.md',
      metric: ofRelay(given.relay, 'EngineCPUUtilization'),
      threshold: 80,
    },
    DumpMissing: {
      about: 'deploy/runbooks/backup-old.md',
      metric: new cloudwatch.Metric({
        namespace: NAMESPACE,
        metricName: 'DumpsWritten',
        statistic: 'Sum',
        period: Duration.days(1),
      }),
      is: BELOW,
      threshold: 1,
      minutes: 1,
      missing: BREACHING,
    },
  };
  for (const [id, each] of Object.entries(wanted)) alarm(scope, id, each, given.topic);
  addDashboard(scope, given.relay);
}

function ofRelay(ReplicationGroupId: string, metricName: string): cloudwatch.Metric {
  const dimensionsMap = { ReplicationGroupId };
  return new cloudwatch.Metric({
    namespace: 'AWS/ElastiCache',
    metricName,
    dimensionsMap,
    statistic: 'Maximum',
    period: MINUTE,
  });
}

function addDashboard(scope: Construct, relay: string): void {
  const graph = (title: string, ...left: cloudwatch.IMetric[]) =>
    new cloudwatch.GraphWidget({ title, left, width: 12 });
  new cloudwatch.Dashboard(scope, 'Dashboard', {
    dashboardName: 'hushwire',
    widgets: [
      [
        graph('What scales the group (%)', METRICS.cpu, METRICS.connections, METRICS.loop, METRICS.loopMost),
        graph('Instances ready', METRICS.ready),
      ],
      [
        graph('Commands, and failed ones', METRICS.commands, METRICS.failures),
        graph(
          'Relay (%)',
          ofRelay(relay, 'EngineCPUUtilization'),
          ofRelay(relay, 'DatabaseMemoryUsagePercentage'),
        ),
      ],
    ],
  });
}

function alarm(scope: Construct, id: string, wanted: Wanted, topic: sns.Topic): cloudwatch.Alarm {
  const made = new cloudwatch.Alarm(scope, id, {
    alarmDescription: wanted.about,
    metric: wanted.metric,
    comparisonOperator: wanted.is,
    threshold: wanted.threshold,
    evaluationPeriods: wanted.minutes,
    datapointsToAlarm: wanted.minutes,
    treatMissingData: wanted.missing,
  });
  made.addAlarmAction(new SnsAction(topic));
  return made;
}

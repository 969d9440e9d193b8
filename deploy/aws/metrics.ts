/** The metrics the instances' agent publishes once a minute, for the group as a whole. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { GROUP_NAME, METRIC, NAMESPACE } from './names.ts';

const DIMENSIONS = { AutoScalingGroupName: GROUP_NAME };
const PERIOD = Duration.minutes(1);

const ofAgent = (metricName: string, statistic: string) =>
  new cloudwatch.Metric({
    namespace: NAMESPACE,
    metricName,
    dimensionsMap: DIMENSIONS,
    statistic,
    period: PERIOD,
  });

/** Percent of what an instance may hold; percent its busiest process computes; commands, and those the service failed. */
export const METRICS = {
  connections: ofAgent(METRIC.connections, 'Average'),
  loop: ofAgent(METRIC.loop, 'Average'),
  loopMost: ofAgent(METRIC.loop, 'Maximum'),
  commands: ofAgent(METRIC.commands, 'Sum'),
  failures: ofAgent(METRIC.failures, 'Sum'),
  ready: ofAgent(METRIC.ready, 'Sum'),
  cpu: new cloudwatch.Metric({
    namespace: 'AWS/EC2',
    metricName: 'CPUUtilization',
    dimensionsMap: DIMENSIONS,
    statistic: 'Average',
    period: PERIOD,
  }),
} as const;

import { Duration } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { METRICS } from './metrics.ts';

/** Out above these percentages, whichever is passed first; one full core hides in an average, so the loop counts too. */
const OUT = { cpu: 70, connections: 60, loop: 70 } as const;
/** In only below all of these: what is left after one has gone must stay well below the thresholds above. */
const IN = { cpu: 30, connections: 35, loop: 35, minutes: 30, cooldownMinutes: 15 } as const;
/** 99.9 %: while more than this fails, nothing is taken away. */
const FAILURE_BUDGET = 0.001;

/** Out by whichever signal asks for more; in one at a time, rarely, and not while the error budget burns. */
export function addScaling(scope: Construct, group: autoscaling.AutoScalingGroup): void {
  group.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: OUT.cpu, disableScaleIn: true });
  for (const name of ['connections', 'loop'] as const)
    group.scaleToTrackMetric(name === 'loop' ? 'Loop' : 'Connections', {
      metric: METRICS[name],
      targetValue: OUT[name],
      disableScaleIn: true,
    });
  addScaleIn(scope, group);
}

/** Data that is missing makes the expression missing, which is not calm: an instance is only taken on evidence. */
function addScaleIn(scope: Construct, group: autoscaling.AutoScalingGroup): void {
  const policy = new autoscaling.CfnScalingPolicy(scope, 'ScaleIn', {
    autoScalingGroupName: group.autoScalingGroupName,
    policyType: 'SimpleScaling',
    adjustmentType: 'ChangeInCapacity',
    scalingAdjustment: -1,
    cooldown: String(IN.cooldownMinutes * 60),
  });
  const { cpu, connections, loop, commands, failures } = METRICS;
  const calm = new cloudwatch.MathExpression({
    expression: `IF(cpu < ${IN.cpu} AND connections < ${IN.connections} AND loop < ${IN.loop} AND failures < commands * ${FAILURE_BUDGET}, 1, 0)`,
    usingMetrics: { cpu, connections, loop, commands, failures },
    period: Duration.minutes(1),
    label: 'Calm',
  });
  const alarm = new cloudwatch.Alarm(scope, 'Calm', {
    alarmDescription: 'Not an alarm: the group is larger than it needs to be, and well',
    metric: calm,
    threshold: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: IN.minutes,
    datapointsToAlarm: IN.minutes,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  alarm.addAlarmAction({ bind: () => ({ alarmActionArn: policy.ref }) });
}

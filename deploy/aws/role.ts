import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { GROUP_NAME, NAMESPACE } from './names.ts';
import type { Settings } from './settings.ts';

export interface Given {
  readonly settings: Settings;
  readonly relayPassword: secrets.ISecret;
  readonly logGroup: logs.ILogGroup;
}

/** What an origin instance may do, and nothing else: read its two secrets, write its log, its metrics, end its own hook. */
export function createInstanceRole(scope: Construct, { settings, relayPassword, logGroup }: Given): iam.Role {
  const role = new iam.Role(scope, 'InstanceRole', {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
  });
  allow(role, ['secretsmanager:GetSecretValue'], {
    resources: [settings.database.urlSecretArn, relayPassword.secretArn],
  });
  allow(role, ['logs:CreateLogStream', 'logs:PutLogEvents'], { resources: [logGroup.logGroupArn] });
  allow(role, ['cloudwatch:PutMetricData'], {
    resources: ['*'],
    conditions: { StringEquals: { 'cloudwatch:namespace': NAMESPACE } },
  });
  // What stands for the star is a number AWS gives the group when it makes it.
  const group = `arn:aws:autoscaling:${settings.region}:${settings.account}:autoScalingGroup:*:autoScalingGroupName/${GROUP_NAME}`;
  allow(role, ['autoscaling:CompleteLifecycleAction'], { resources: [group] });
  allow(role, ['elasticloadbalancing:DescribeTargetHealth'], { resources: ['*'] });
  return role;
}

function allow(role: iam.Role, actions: string[], to: Omit<iam.PolicyStatementProps, 'actions'>): void {
  role.addToPolicy(new iam.PolicyStatement({ actions, ...to }));
}

import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { NAMESPACE } from './names.ts';
import type { Network } from './network.ts';
import type { Settings } from './settings.ts';

export const DUMP_GROUP_NAME = 'hushwire-dump';

/** An hour of its own, in which an instance exists for nothing but the dump: no node needs the right to write one. */
const FROM = { hour: '3', minute: '0' };
const UNTIL = { hour: '5', minute: '0' };

interface Given {
  readonly network: Network;
  readonly settings: Settings;
}

/**
 * Once a day an instance starts, dumps the database encrypted to a key that nobody here can open (npm run backup), puts it
 * into a bucket of another region where it can neither read nor delete, says so as a metric, and goes.
 */
export function createDumps(
  scope: Construct,
  { network, settings, topic }: Given & { topic: sns.Topic },
): void {
  const role = createRole(scope, settings);
  const group = new autoscaling.AutoScalingGroup(scope, 'Dump', {
    autoScalingGroupName: DUMP_GROUP_NAME,
    vpc: network.vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    launchTemplate: createTemplate(scope, { network, settings, role }),
    notifications: [{ topic, scalingEvents: autoscaling.ScalingEvents.ALL }],
    minCapacity: 0,
    maxCapacity: 1,
  });
  group.scaleOnSchedule('Begin', {
    schedule: autoscaling.Schedule.cron(FROM),
    desiredCapacity: 1,
    timeZone: 'UTC',
  });
  group.scaleOnSchedule('End', {
    schedule: autoscaling.Schedule.cron(UNTIL),
    desiredCapacity: 0,
    timeZone: 'UTC',
  });
}

function createRole(scope: Construct, settings: Settings): iam.Role {
  const role = new iam.Role(scope, 'DumpRole', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
  const allow = (given: iam.PolicyStatementProps) => role.addToPolicy(new iam.PolicyStatement(given));
  allow({ actions: ['secretsmanager:GetSecretValue'], resources: [settings.database.urlSecretArn] });
  allow({ actions: ['s3:PutObject'], resources: [`arn:aws:s3:::${settings.dumps.bucket}/dumps/*`] });
  allow({
    actions: ['cloudwatch:PutMetricData'],
    resources: ['*'],
    conditions: { StringEquals: { 'cloudwatch:namespace': NAMESPACE } },
  });
  return role;
}

function createTemplate(scope: Construct, { network, settings, role }: Given & { role: iam.Role }) {
  const data = ec2.UserData.forLinux();
  data.addCommands(...dumpLines(settings));
  return new ec2.LaunchTemplate(scope, 'DumpTemplate', {
    machineImage: ec2.MachineImage.genericLinux({ [settings.region]: settings.imageId }),
    instanceType: new ec2.InstanceType(settings.instanceType),
    securityGroup: network.instances,
    role,
    userData: data,
    requireImdsv2: true,
    httpPutResponseHopLimit: 1,
    detailedMonitoring: true,
    blockDevices: [{ deviceName: '/dev/xvda', volume: ec2.BlockDeviceVolume.ebs(100, { encrypted: true }) }],
  });
}

/** Should the dump fail, the metric stays away, and the alarm DumpMissing rings. */
function dumpLines({ region, database, dumps }: Settings): string[] {
  const put = `aws s3 cp --only-show-errors --region ${dumps.region}`;
  return [
    'set -euo pipefail',
    'umask 077',
    `export AWS_DEFAULT_REGION=${region}`,
    `DATABASE_URL=$(aws secretsmanager get-secret-value --secret-id ${database.urlSecretArn} --query SecretString --output text)`,
    'export DATABASE_URL',
    'mkdir -p /var/lib/hushwire/dumps',
    'cat >/usr/local/bin/hushwire-offsite <<"EOF"',
    '#!/bin/sh',
    'set -eu',
    `for file in "$@"; do ${put} "$file" "s3://${dumps.bucket}/dumps/$(date -u +%Y/%m/%d)/$(basename "$file")"; done`,
    'EOF',
    'chmod 700 /usr/local/bin/hushwire-offsite',
    'cd /opt/hushwire',
    `npm run backup -- --directory /var/lib/hushwire/dumps --recipient ${dumps.recipient} --offsite /usr/local/bin/hushwire-offsite`,
    `aws cloudwatch put-metric-data --namespace ${NAMESPACE} --metric-name DumpsWritten --value 1`,
  ];
}

/** What cdk-nag and CloudFormation's own checks say against these templates, and why it stays so. One entry a finding. */
import { type Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { GROUP_NAME, NAMESPACE } from './names.ts';
import type { Settings } from './settings.ts';

interface Finding {
  readonly stack: 'main' | 'offsite';
  /** Path of the construct below its stack. */
  readonly at: string;
  readonly id: string;
  readonly reason: string;
}

interface Given {
  readonly main: Stack;
  readonly offsite: Stack;
  readonly settings: Settings;
}

/** Answers each finding where it arises; one that is not listed, or arises elsewhere, still fails the synthesis. */
export function acknowledgeFindings(given: Given): void {
  for (const { stack, at, id, reason } of findings(given.settings)) {
    const start: IConstruct = given[stack];
    const construct = at.split('/').reduce((node, name) => node.node.findChild(name), start);
    Validations.of(construct).acknowledge({ id, reason });
  }
}

function findings({ region, account, dumps }: Settings): readonly Finding[] {
  return [
    {
      stack: 'main',
      at: 'Vpc',
      id: 'CloudFormation-Validate::W3010',
      reason: 'Zones are settings, since the only other way is to look them up in the account',
    },
    {
      stack: 'main',
      at: 'BalancerGroup/Resource',
      id: 'AwsSolutions-EC23',
      reason: 'A public service: anybody may connect to port 443 of the balancer, and to nothing else',
    },
    {
      stack: 'main',
      at: 'Balancer/Resource',
      id: 'AwsSolutions-ELB2',
      reason:
        'Its access log holds the address of every client and cannot leave it out; the nodes log requests without identities',
    },
    {
      stack: 'main',
      at: 'RelayPassword/Resource',
      id: 'AwsSolutions-SMG4',
      reason:
        'Every node holds it for its life; it changes with the nodes, by deploy/runbooks/rotate-keys.md',
    },
    {
      stack: 'main',
      at: 'InstanceRole/DefaultPolicy/Resource',
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: `PutMetricData takes no resource and is held to the namespace ${NAMESPACE}; DescribeTargetHealth takes none and only reads`,
    },
    {
      stack: 'main',
      at: 'InstanceRole/DefaultPolicy/Resource',
      id: `AwsSolutions-IAM5[Resource::arn:aws:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/${GROUP_NAME}]`,
      reason: 'The star stands for a number AWS gives; the name is that of the one group',
    },
    {
      stack: 'main',
      at: 'DumpRole/DefaultPolicy/Resource',
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: `PutMetricData takes no resource and is held to the namespace ${NAMESPACE}`,
    },
    {
      stack: 'main',
      at: 'DumpRole/DefaultPolicy/Resource',
      id: `AwsSolutions-IAM5[Resource::arn:aws:s3:::${dumps.bucket}/dumps/*]`,
      reason: 'A dump has a name of its own each day; it may be written, not read, listed or deleted',
    },
    {
      stack: 'offsite',
      at: 'Dumps/Resource',
      id: 'AwsSolutions-S1',
      reason:
        'Nobody but the dump writes, the lock keeps even an administrator from deleting, and the key that opens a dump is elsewhere',
    },
  ];
}

import { Duration } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Balancer } from './balancer.ts';
import { GROUP_NAME } from './names.ts';
import type { Network } from './network.ts';
import { REFRESH_MAX_HEALTHY_PERCENT, type Settings } from './settings.ts';
import { TERMINATION_HOOK, WARM_UP } from './timings.ts';

export interface Given {
  readonly network: Network;
  readonly settings: Settings;
  readonly balancer: Balancer;
  readonly role: iam.Role;
  readonly userData: readonly string[];
  readonly topic: sns.Topic;
  /** While one of these rings, a refresh fails and what it has changed is taken back. */
  readonly refreshAlarms: readonly cloudwatch.Alarm[];
}

/** Origin instances over all zones. A change of template replaces them one after another, new ones first. */
export function createFleet(scope: Construct, given: Given): autoscaling.AutoScalingGroup {
  const { network, settings, balancer, topic } = given;
  const group = new autoscaling.AutoScalingGroup(scope, 'Origins', {
    autoScalingGroupName: GROUP_NAME,
    vpc: network.vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    launchTemplate: createTemplate(scope, given),
    minCapacity: settings.minInstances,
    maxCapacity: settings.maxInstances,
    defaultInstanceWarmup: Duration.seconds(WARM_UP),
    healthChecks: autoscaling.HealthChecks.withAdditionalChecks({
      additionalTypes: [autoscaling.AdditionalHealthCheckType.ELB],
      gracePeriod: Duration.seconds(WARM_UP),
    }),
    notifications: [{ topic, scalingEvents: autoscaling.ScalingEvents.ALL }],
    updatePolicy: refreshPolicy(given.refreshAlarms),
  });
  group.attachToApplicationTargetGroup(balancer.sockets);
  group.attachToApplicationTargetGroup(balancer.api);
  // In case the drain has not ended, or never began: the agent ends the wait, or time does.
  group.addLifecycleHook('Terminating', {
    lifecycleHookName: 'drain',
    lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
    heartbeatTimeout: Duration.seconds(TERMINATION_HOOK),
    defaultResult: autoscaling.DefaultResult.CONTINUE,
  });
  return group;
}

/** Half of them, a look, the rest, a look: at each of them an alarm takes everything back. */
function refreshPolicy(alarms: readonly cloudwatch.Alarm[]): autoscaling.UpdatePolicy {
  return autoscaling.UpdatePolicy.instanceRefresh({
    strategy: autoscaling.InstanceRefreshStrategy.ROLLING,
    minHealthyPercentage: 100,
    maxHealthyPercentage: REFRESH_MAX_HEALTHY_PERCENT,
    instanceWarmup: Duration.seconds(WARM_UP),
    checkpointPercentages: [50, 100],
    checkpointDelay: Duration.minutes(10),
    bakeTime: Duration.minutes(10),
    alarms: [...alarms],
  });
}

function createTemplate(scope: Construct, { network, settings, role, userData }: Given): ec2.LaunchTemplate {
  const data = ec2.UserData.forLinux();
  data.addCommands(...userData);
  return new ec2.LaunchTemplate(scope, 'Template', {
    machineImage: ec2.MachineImage.genericLinux({ [settings.region]: settings.imageId }),
    instanceType: new ec2.InstanceType(settings.instanceType),
    securityGroup: network.instances,
    role,
    userData: data,
    requireImdsv2: true,
    httpPutResponseHopLimit: 1,
    detailedMonitoring: true,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(20, { encrypted: true, volumeType: ec2.EbsDeviceVolumeType.GP3 }),
      },
    ],
  });
}

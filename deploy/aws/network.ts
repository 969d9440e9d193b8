import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import { PORTS } from './timings.ts';

export interface Network {
  readonly vpc: ec2.Vpc;
  readonly balancer: ec2.SecurityGroup;
  readonly instances: ec2.SecurityGroup;
  readonly relay: ec2.SecurityGroup;
}

/** No fields that tell who: addresses of clients would be in them. Enough to see that traffic is refused, and how much. */
const FLOW_FIELDS = [
  ec2.LogFormat.START_TIMESTAMP,
  ec2.LogFormat.END_TIMESTAMP,
  ec2.LogFormat.ACTION,
  ec2.LogFormat.PROTOCOL,
  ec2.LogFormat.DST_PORT,
  ec2.LogFormat.PACKETS,
  ec2.LogFormat.BYTES,
  ec2.LogFormat.FLOW_DIRECTION,
  ec2.LogFormat.LOG_STATUS,
];

/** Balancer in public subnets, instances in private ones with a way out in each zone, the relay in ones without any. */
export function createNetwork(scope: Construct, settings: Settings): Network {
  const vpc = new ec2.Vpc(scope, 'Vpc', {
    availabilityZones: [...settings.availabilityZones],
    natGateways: settings.availabilityZones.length,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
      { name: 'instances', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
      { name: 'relay', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 26 },
    ],
    gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
  });
  addFlowLog(vpc);
  return { vpc, ...createGroups(scope, vpc) };
}

function addFlowLog(vpc: ec2.Vpc): void {
  const group = new logs.LogGroup(vpc, 'FlowLogs', {
    retention: logs.RetentionDays.TWO_WEEKS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  vpc.addFlowLog('Flow', {
    destination: ec2.FlowLogDestination.toCloudWatchLogs(group),
    logFormat: FLOW_FIELDS,
  });
}

/** Who may speak to whom: anybody to the balancer by TLS, the balancer to the instances, the instances to the relay. */
function createGroups(scope: Construct, vpc: ec2.Vpc): Omit<Network, 'vpc'> {
  const group = (id: string, description: string, allowAllOutbound: boolean) =>
    new ec2.SecurityGroup(scope, id, { vpc, description, allowAllOutbound });
  const balancer = group('BalancerGroup', 'Balancer: TLS from anywhere', false);
  const instances = group('InstanceGroup', 'Instances: from the balancer only', false);
  const relay = group('RelayGroup', 'Relay: from the instances only', false);
  balancer.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Clients and the edge');
  for (const port of [PORTS.sockets, PORTS.api, PORTS.health]) {
    balancer.addEgressRule(instances, ec2.Port.tcp(port), 'To the instances');
    instances.addIngressRule(balancer, ec2.Port.tcp(port), 'From the balancer');
  }
  // Postgres is where the operator has it, so by port: TLS services, PostgreSQL and the pooler.
  for (const port of [443, 5432, 6543])
    instances.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(port), 'AWS services and Postgres');
  instances.addEgressRule(relay, ec2.Port.tcp(PORTS.relay), 'To the relay');
  relay.addIngressRule(instances, ec2.Port.tcp(PORTS.relay), 'From the instances');
  return { balancer, instances, relay };
}

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Network } from './network.ts';
import type { Settings } from './settings.ts';
import { PORTS } from './timings.ts';

export interface Relay {
  readonly host: string;
  readonly password: secrets.Secret;
  readonly name: string;
}

const NAME = 'hushwire-relay';

/**
 * Valkey in cluster mode over the zones: replicas take over, TLS and a password on every connection. `noeviction`, because
 * the relay must refuse rather than forget. The snapshots spare a rebuild from Postgres; nothing depends on them.
 */
export function createRelay(scope: Construct, { network, settings }: Given): Relay {
  const password = new secrets.Secret(scope, 'RelayPassword', {
    description: 'Password of the relay (Valkey)',
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
  });
  const subnets = network.vpc.selectSubnets({ subnetType: ec2.SubnetType.PRIVATE_ISOLATED });
  const subnetGroup = new elasticache.CfnSubnetGroup(scope, 'RelaySubnets', {
    description: 'Relay: subnets without a way out',
    subnetIds: subnets.subnetIds,
  });
  const parameters = new elasticache.CfnParameterGroup(scope, 'RelayParameters', {
    cacheParameterGroupFamily: 'valkey8',
    description: 'Relay',
    properties: { 'cluster-enabled': 'yes', 'maxmemory-policy': 'noeviction' },
  });
  const group = new elasticache.CfnReplicationGroup(scope, 'Relay', {
    replicationGroupId: NAME,
    replicationGroupDescription: 'Channel logs, mailboxes, presence and announcements',
    engine: 'valkey',
    engineVersion: '8.1',
    clusterMode: 'enabled',
    cacheNodeType: settings.relay.nodeType,
    numNodeGroups: settings.relay.shards,
    replicasPerNodeGroup: settings.relay.replicas,
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    port: PORTS.relay,
    cacheSubnetGroupName: subnetGroup.ref,
    cacheParameterGroupName: parameters.ref,
    securityGroupIds: [network.relay.securityGroupId],
    transitEncryptionEnabled: true,
    transitEncryptionMode: 'required',
    atRestEncryptionEnabled: true,
    authToken: password.secretValue.unsafeUnwrap(),
    snapshotRetentionLimit: 3,
    snapshotWindow: '02:00-03:00',
    preferredMaintenanceWindow: 'tue:03:30-tue:04:30',
    autoMinorVersionUpgrade: true,
  });
  return { host: group.attrConfigurationEndPointAddress, password, name: NAME };
}

interface Given {
  readonly network: Network;
  readonly settings: Settings;
}

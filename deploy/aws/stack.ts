import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { createBalancer } from './balancer.ts';
import { createDumps } from './dumps.ts';
import { protect } from './firewall.ts';
import { createFleet } from './fleet.ts';
import { createNetwork } from './network.ts';
import { createRelay } from './relay.ts';
import { createInstanceRole } from './role.ts';
import { addScaling } from './scaling.ts';
import type { Settings } from './settings.ts';
import { userDataLines } from './user-data.ts';
import { createAlarms, createRefreshAlarms, createTopic } from './watch.ts';

/** Everything of one region: network, balancer, origin instances, relay, alarms, dumps. The edge and Postgres are elsewhere. */
export class HushwireStack extends Stack {
  readonly #zones: string[];

  constructor(scope: Construct, settings: Settings, props: StackProps) {
    super(scope, 'Hushwire', { ...props, terminationProtection: true });
    this.#zones = [...settings.availabilityZones];
    const network = createNetwork(this, settings);
    const balancer = createBalancer(this, { network, settings });
    const relay = createRelay(this, { network, settings });
    const logGroup = createLogGroup(this);
    const topic = createTopic(this, settings.alarmEmail);
    const userData = userDataLines({
      settings,
      relayHost: relay.host,
      relaySecretArn: relay.password.secretArn,
      targetGroupArn: balancer.sockets.targetGroupArn,
    });
    const role = createInstanceRole(this, { settings, relayPassword: relay.password, logGroup });
    const refreshAlarms = createRefreshAlarms(this, topic);
    const group = createFleet(this, { network, settings, balancer, role, userData, topic, refreshAlarms });
    addScaling(this, group);
    createAlarms(this, { balancer, relay: relay.name, topic });
    protect(this, { balancerArn: balancer.loadBalancer.loadBalancerArn, apiHost: settings.apiHost });
    createDumps(this, { network, settings, topic });
  }

  /** Given, so that a Vpc does not look them up in the account. */
  override get availabilityZones(): string[] {
    return this.#zones;
  }
}

/** Logs of the nodes: events and fields from a closed list, without addresses, ids or payloads. */
function createLogGroup(scope: Construct): logs.LogGroup {
  return new logs.LogGroup(scope, 'OriginLogs', {
    logGroupName: '/hushwire/origin',
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

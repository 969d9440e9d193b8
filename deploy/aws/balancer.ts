import { Duration } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';
import type { Network } from './network.ts';
import type { Settings } from './settings.ts';
import { BALANCER_IDLE, DEREGISTRATION, HEALTH, PORTS, STICKINESS } from './timings.ts';

export interface Balancer {
  readonly loadBalancer: elb.ApplicationLoadBalancer;
  readonly sockets: elb.ApplicationTargetGroup;
  readonly api: elb.ApplicationTargetGroup;
}

/** TLS only, by host name: sockets of clients, internal API for the edge (which signs each call); all else is 404. */
export function createBalancer(scope: Construct, { network, settings }: Given): Balancer {
  const loadBalancer = new elb.ApplicationLoadBalancer(scope, 'Balancer', {
    vpc: network.vpc,
    internetFacing: true,
    securityGroup: network.balancer,
    idleTimeout: Duration.seconds(BALANCER_IDLE),
    deletionProtection: true,
    dropInvalidHeaderFields: true,
  });
  const listener = loadBalancer.addListener('Tls', {
    port: 443,
    protocol: elb.ApplicationProtocol.HTTPS,
    certificates: [acm.Certificate.fromCertificateArn(scope, 'Certificate', settings.certificateArn)],
    sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
    defaultAction: elb.ListenerAction.fixedResponse(404),
    open: false,
  });
  const sockets = createTargets(scope, 'Sockets', { network, port: PORTS.sockets });
  sockets.enableCookieStickiness(Duration.seconds(STICKINESS));
  const api = createTargets(scope, 'Api', { network, port: PORTS.api });
  route(listener, 1, { host: settings.socketHost, targets: sockets });
  route(listener, 2, { host: settings.apiHost, targets: api });
  return { loadBalancer, sockets, api };
}

interface Given {
  readonly network: Network;
  readonly settings: Settings;
}

/** Slow start stays off: AWS refuses it together with least outstanding requests. */
function createTargets(scope: Construct, id: string, { network, port }: { network: Network; port: number }) {
  return new elb.ApplicationTargetGroup(scope, id, {
    vpc: network.vpc,
    port,
    protocol: elb.ApplicationProtocol.HTTP,
    targetType: elb.TargetType.INSTANCE,
    loadBalancingAlgorithmType: elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
    deregistrationDelay: Duration.seconds(DEREGISTRATION),
    healthCheck: {
      path: '/readyz',
      port: String(PORTS.health),
      interval: Duration.seconds(HEALTH.interval),
      timeout: Duration.seconds(HEALTH.timeout),
      healthyThresholdCount: HEALTH.healthy,
      unhealthyThresholdCount: HEALTH.unhealthy,
      healthyHttpCodes: '200',
    },
  });
}

interface Route {
  readonly host: string;
  readonly targets: elb.ApplicationTargetGroup;
}

function route(listener: elb.ApplicationListener, priority: number, { host, targets }: Route): void {
  listener.addAction(`Route${priority}`, {
    priority,
    conditions: [elb.ListenerCondition.hostHeaders([host])],
    action: elb.ListenerAction.forward([targets]),
  });
}
